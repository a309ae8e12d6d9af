#!/bin/sh
# Prepares the environment and calls `onekey flash`; nothing else.
cd "$(dirname "$0")" && python=$(python3 -c 'from tools.environment import ensure; print(ensure())') && exec "$python" -m tools flash "$@"
