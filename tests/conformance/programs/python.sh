# One of the Python programs, by name: python.sh NAME.
. "$PROGRAMS/lib.sh"

export PYTHONDONTWRITEBYTECODE=1
python3 -u "$PROGRAMS/$1.py"
status=$?
[ "$status" = 0 ] || fail "status $status"
finish
