#!/bin/sh
# Installs the Debian packages that the benchmarks measure against, where they are missing and this machine allows it.
set -eu

missing=''
need() { # command, package
  command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need etcd etcd-server
need mosquitto mosquitto

[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "The benchmarks need these programs:$missing. Install them and run make bench again." >&2
  exit 3
fi
sudo=''
[ "$(id -u)" -eq 0 ] || sudo='sudo'
echo "installing for the benchmarks:$missing" >&2
# A package that starts a service on install must not: the benchmarks start their own on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [ -z "$sudo" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
$sudo apt-get update -qq >/dev/null
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
