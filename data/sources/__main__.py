"""Describe a dataset: python -m data.sources PATH."""

from tools.dataset import main
from utils.errors import run_script

run_script(main)
