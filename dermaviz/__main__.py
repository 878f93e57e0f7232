"""`python -m dermaviz`, as `accelerate launch -m dermaviz` needs it."""

from dermaviz.cli import main

main()
