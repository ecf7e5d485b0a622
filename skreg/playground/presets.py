"""Lessons: states of the page under a name."""

# docs/playground.md says what comes out.
_EXERCISE = (
    "data=gauss&noise=80&train=10&features=x1,x2,x1^2,x2^2,x1x2,sin(x1),sin(x2)&hidden=&stop=500"
)

#: Name: title and the query of the URL.
PRESETS = {
    "start": ("Circle, as the page opens", ""),
    "l2-1": ("L2 exercise, task 1: no penalty", _EXERCISE),
    "l2-2": (
        "L2 exercise, task 2: λ = 0.3 beside none",
        _EXERCISE + "&penalty=l2&alpha=0.3&pin.penalty=none&pin.alpha=0",
    ),
    "l2-3": (
        "L2 exercise, task 3: learning rate 0.3",
        _EXERCISE + "&learning_rate=0.3&penalty=l2&alpha=0.3&pin.penalty=none&pin.alpha=0",
    ),
    "sparse": (
        "L1: which inputs does xor need?",
        "data=xor&noise=20&features=x1,x2,x1^2,x2^2,x1x2,sin(x1),sin(x2)&hidden="
        "&penalty=l1&alpha=1&stop=1000",
    ),
    "network": (
        "Weight decay in a network, beside none",
        "data=xor&noise=40&train=20&hidden=8,8&speed=5&stop=1000"
        "&penalty=l2&alpha=0.03&pin.penalty=none&pin.alpha=0",
    ),
    "inputs": (
        "Groups: a network drops the inputs it does not need",
        "data=circle&noise=20&features=x1,x2,x1^2,x2^2,x1x2,sin(x1),sin(x2)&hidden=4"
        "&penalty=group-inputs&alpha=0.3&speed=5",
    ),
}
