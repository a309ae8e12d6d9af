#!/bin/sh
# Prepares the environment and calls `onekey flash`; nothing else.
cd "$(dirname "$0")" && python3 -c 'from tools.environment import ensure; ensure()' && exec .venv/bin/python -m tools flash "$@"
