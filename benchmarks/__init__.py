"""Problems × contenders: who reaches the same objective, and how fast."""
