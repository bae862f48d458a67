#!/bin/sh
# Installs the Debian packages that tests or benchmarks use as real counterparts, where they are missing and this machine allows it.
# Usage: setup.sh tests|bench
set -eu

missing=''
need() { # command, package
  command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
case "$1" in
tests) need git git; need ssh-keygen openssh-client; need mosquitto mosquitto; need strace strace; need age age; need chromium 'chromium fonts-dejavu-core' ;;
bench) need git git; need mosquitto mosquitto; need etcd etcd-server ;;
esac

[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "These programs are needed:$missing. Install them and run make again." >&2
  exit 3
fi
sudo=''
[ "$(id -u)" -eq 0 ] || sudo='sudo'
echo "installing$missing …" >&2
# A package that starts a service on install must not: everything here starts its own on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [ -z "$sudo" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
$sudo apt-get update -qq >/dev/null
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1
