# What runs on a host for Maintrain: sent with every call, so that nothing is installed and no two versions mix.
# Upgrades run detached from the connection. What is known of them lies in <state>/tasks/<id>:
#   number version boot_id started limit argv pid lock output exit
# A task's process holds `lock` as long as it or a child of it lives; <state>/lock is held by the one that runs.
# Every call ends with a line `end`: an answer without it was cut.
set -u
LC_ALL=C
export LC_ALL

USAGE=90 BUSY=91 LATE=92 REBOOTED=93 UNDONE=94

die() {
  echo "$2" >&2
  exit "$1"
}

read_clock() { # <boot id path>: sets boot and now (whole seconds since the boot)
  read -r boot <"$1" || die $USAGE "no boot id in $1"
  read -r now _ </proc/uptime || die $USAGE "no uptime"
  now=${now%%.*}
}

# What was allowed a while ago, or in another boot, may have been given up and begun by a successor since.
check_ticket() { # <boot id path> <boot id> <since> <seconds>
  read_clock "$1"
  [ "$boot" = "$2" ] || die $REBOOTED "the host has rebooted meanwhile"
  [ $((now - $3)) -le "$4" ] || die $LATE "came $((now - $3)) s after it was allowed, more than $4 s"
}

judge() { # <task folder>: sets what to running, gone, late, rebooted, broken or the exit file's two words
  what=broken was='' at='' span=''
  { read -r was <"$1/boot_id" && read -r at <"$1/started" && read -r span <"$1/limit"; } 2>/dev/null
  [ -n "$was" ] && [ -n "$at" ] && [ -n "$span" ] || return 0
  if [ -s "$1/exit" ]; then
    read -r what <"$1/exit"
  elif [ "$was" != "$boot" ]; then
    what=rebooted
  elif flock -n -s "$1/lock" true; then
    what=gone
    # It may have ended between the two looks.
    [ -s "$1/exit" ] && read -r what <"$1/exit"
  elif [ $((now - at)) -gt $((span + 120)) ]; then
    what=late
  else
    what=running
  fi
}

RUN='
dir=$1 limit=$2 ok=$3 busy=$4 pause=$5 n=$6
shift 6
umask 022
echo $$ >"$dir/pid"
read -r began _ </proc/uptime
began=${began%%.*}

left() {
  read -r now _ </proc/uptime
  left=$((began + limit - ${now%%.*}))
  [ $left -ge 1 ]
}

run() { # <argument list>: sets status. Not a pipe: a daemon that the install starts may keep it open for ever.
  left || left=1
  rm -f "$dir/pipe" "$dir/drained"
  mkfifo "$dir/pipe"
  { head -c 1048576 >>"$dir/output"; cat >/dev/null; : >"$dir/drained"; } <"$dir/pipe" 8>&- 9>&- &
  timeout -k 30 $left "$@" </dev/null >"$dir/pipe" 2>&1 9>&-
  status=$?
  i=0
  while [ ! -e "$dir/drained" ] && [ $i -lt 20 ]; do
    sleep 0.05
    i=$((i + 1))
  done
}

first() { # <n> <list...>: run the first n, turned to the end of the list. Names in sh are global: not n again.
  count=$1
  shift
  rest=$(($# - count))
  while [ $count -gt 0 ]; do
    set -- "$@" "$1"
    shift
    count=$((count - 1))
  done
  shift $rest
  run "$@"
}

while :; do
  first "$n" "$@"
  case " $busy " in
    *" $status "*) left && [ $left -gt $pause ] && sleep $pause && continue ;;
  esac
  break
done
phase=install
shift "$n"
case " $ok " in
  *" $status "*)
    installed=$status
    if [ $# -gt 0 ]; then
      run "$@"
      if [ $status -eq 0 ]; then status=$installed; else phase=activate; fi
    fi ;;
esac
echo "$phase $status" >"$dir/exit.new"
sync "$dir/exit.new" 2>/dev/null
mv "$dir/exit.new" "$dir/exit"
'

enter() { # take the host's lock and show a new task; sets dir. Ends with `known` for a task that is there already.
  umask 077
  mkdir -p "$state/tasks" || die $USAGE "can't make $state/tasks"
  exec 9>"$state/lock" || die $USAGE "can't write in $state"
  if [ -d "$state/tasks/$id" ]; then
    echo known
    echo end
    exit 0
  fi
  flock -n 9 || die $BUSY "another upgrade runs on this host"
  for other in "$state"/tasks/*/; do
    [ -d "$other" ] || continue
    judge "${other%/}"
    case $what in
      running | late) die $BUSY "an upgrade of this host still runs: ${other%/}" ;;
    esac
  done
  number=0
  [ -s "$state/number" ] && read -r number <"$state/number"
  number=$((number + 1))
  echo $number >"$state/number.new" && mv "$state/number.new" "$state/number" || die $USAGE "can't write in $state"
  new=$state/tasks/.$id
  rm -rf "$new"
  mkdir "$new" && echo $number >"$new/number" && echo "$version" >"$new/version" && echo "$boot" >"$new/boot_id" &&
    echo "$now" >"$new/started" && echo "$limit" >"$new/limit" && printf '%s\n' "$@" >"$new/argv" &&
    : >"$new/output" || die $USAGE "can't write in $new"
  exec 8>"$new/lock"
  flock -n 8 || die $USAGE "can't lock $new/lock"
  sync "$new"/* 2>/dev/null
  check_ticket "$path" "$ticket_boot" "$since" "$ticket"
  dir=$state/tasks/$id
  mv "$new" "$dir" || die $USAGE "can't write $dir"
  sync "$state/tasks" 2>/dev/null
}

prune() { # the newest hundred are kept
  for other in "$state"/tasks/*/ "$state"/tasks/.[a-z]*/; do
    old=0
    [ -s "$other/number" ] && read -r old <"$other/number"
    [ -d "$other" ] && [ "$old" -le $((number - 100)) ] && rm -rf "${other%/}"
  done
}

take() { # common head of start and hold: <state> <boot id path> <boot id> <since> <ticket> <limit> <id> <version>
  state=$1 path=$2 ticket_boot=$3 since=$4 ticket=$5 limit=$6 id=$7 version=$8
  case $state in
    /*) ;;
    *) state=$PWD/$state ;;
  esac
  for tool in flock setsid timeout mkfifo; do
    command -v $tool >/dev/null || die $USAGE "this host has no $tool"
  done
  check_ticket "$path" "$ticket_boot" "$since" "$ticket"
}

verb=$1
shift
case $verb in
  clock) # <boot id path>
    read_clock "$1"
    echo "$boot $now"
    ;;
  start) # <head...> <ok> <busy> <pause> <n> <n arguments> [<activate...>]
    take "$@"
    shift 8
    ok=$1 busy=$2 pause=$3 n=$4
    shift 4
    enter "$@"
    setsid sh -c "$RUN" maintrain-task "$dir" "$limit" "$ok" "$busy" "$pause" "$n" "$@" </dev/null >/dev/null 2>&1 &
    echo started
    prune
    ;;
  hold) # <head...> <linger>: another machine does the work; it tells the end on our stdin, or goes away
    take "$@"
    shift 8
    enter playbook
    echo started
    prune
    if read -r status; then
      echo "install $status" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
    else
      # The work goes on until the other machine notices, too: as long the host is not free.
      trap '' HUP PIPE
      sleep "$1"
    fi
    ;;
  tasks) # <state> <boot id path>
    read_clock "$2"
    for dir in "$1"/tasks/*/; do
      dir=${dir%/}
      [ -d "$dir" ] || continue
      judge "$dir"
      number=0 version=-
      [ -s "$dir/number" ] && read -r number <"$dir/number"
      [ -s "$dir/version" ] && read -r version <"$dir/version"
      same=0
      [ "$was" = "$boot" ] && same=1
      said=$(tail -c 300 "$dir/output" 2>/dev/null | tr '\n\t' '  ' | tr -cd '[:print:]')
      printf '%s\t%s\t%s\t%s\t%s\t%s\n' "${dir##*/}" "$number" "$version" "$same" "$what" "$said"
    done
    ;;
  probe) # <seconds> then for each: <n> <n arguments>
    within=$1
    shift
    probe() { # <n> <list...>
      count=$1
      shift
      rest=$(($# - count))
      while [ "$count" -gt 0 ]; do
        set -- "$@" "$1"
        shift
        count=$((count - 1))
      done
      shift $rest
      said=$({
        timeout -k 2 "$within" "$@" </dev/null 2>/dev/null
        printf '\nexit %s\n' $?
      } | tail -c 262144)
      # Not ${#said}: some shells count characters.
      printf 'probe %s\n%s\n' $(($(printf %s "$said" | wc -c))) "$said"
    }
    while [ $# -gt 0 ]; do
      probe "$@"
      shift $(($1 + 1))
    done
    ;;
  reboot) # <boot id path> <boot id> <since> <ticket> <argument list>
    check_ticket "$1" "$2" "$3" "$4"
    shift 4
    "$@" </dev/null || die $USAGE "$1: rc $?"
    ;;
  once) # <boot id path> <boot id> <since> <ticket> <argument list>: to its end
    check_ticket "$1" "$2" "$3" "$4"
    shift 4
    said=$("$@" </dev/null 2>&1) || die $UNDONE "$1: rc $?: $(printf %s "$said" | tail -c 250 | tr '\n\t' '  ')"
    ;;
  *) die $USAGE "no such verb: $verb" ;;
esac
echo end
