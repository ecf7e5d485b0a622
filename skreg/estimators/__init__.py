"""What users import: each shell validates, delegates and sets its fitted attributes."""
