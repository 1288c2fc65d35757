# The head of a recipe, sourced by its run.sh with run.sh's arguments. Before it, `root` is the project's
# folder, `options` the names of the options that take a value, and a variable of each (stop_stage of
# stop-stage) has its default; `stage` and `stop_stage` are always among them. After it the variables have
# their values, `here` is the recipe's folder, and `sylkit` the program: $SYLKIT, else the one in build/ or
# in PATH. The comment at the head of run.sh is its --help.
here=$(cd "$(dirname "$0")" && pwd)
wrong() { echo "run.sh: $*" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    esac
    case " $options stage stop-stage " in
    *" ${1#--} "*)
        [ "$1" != "${1#--}" ] || wrong "unknown argument $1 (see --help)"
        [ $# -ge 2 ] || wrong "$1 needs a value"
        eval "$(echo "${1#--}" | tr - _)=\$2"
        shift 2 ;;
    *) wrong "unknown option $1 (see --help)" ;;
    esac
done
case $stage,$stop_stage in
,* | *, | *[!0-9,]*) wrong "--stage and --stop-stage want numbers, not '$stage' and '$stop_stage'" ;;
esac

sylkit=${SYLKIT:-$root/build/sylkit}
[ -x "$sylkit" ] || sylkit=$(command -v sylkit) || { echo "run.sh: no sylkit program; build it or set SYLKIT" >&2; exit 1; }

# run N: is it the turn of stage N?
run() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }
# need OPTION FILE: ends unless it can be read.
need() { [ -r "$2" ] || wrong "$1: '$2' is not there (see --help)"; }
# unpacked ARCHIVE.xz FILE: makes FILE of it where it is not there.
unpacked() {
    [ ! -e "$2" ] || return 0
    mkdir -p "$(dirname "$2")"
    xz -dc "$1" >"$2.part"
    mv "$2.part" "$2"
}
