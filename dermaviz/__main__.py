"""`python -m dermaviz`, as `torchrun -m dermaviz` needs it."""

from dermaviz.cli import main

main()
