# shellcheck shell=bash
# The chapter of the demo about accounts; sourced by scripts/demo, not run.
# shellcheck disable=SC2154 # scripts/demo defines root, work and the functions

# accounts ENGINE: creates accounts and calendars, deletes and restores an account, on SQLite or PostgreSQL.
accounts() {
  step "Accounts: a home whose back end is an SQLite file created by 'init'."
  rm -rf home
  show 0 davadmin init -q --home home
  show 0 davadmin config modify -q -o davcore.scheduling.localuserattr -v davstore
  if [ "$1" = postgres ]; then
    step "One parameter puts it on PostgreSQL."
    (cd "$root" && go build -o "$work/demodb" ./scripts/demodb)
    ./demodb -url-file dburl &
    server=$!
    until [ -s dburl ]; do
      kill -0 "$server" 2>/dev/null || { printf 'demo: PostgreSQL did not start\n' >&2; exit 1; }
      sleep 0.05
    done
    show 0 davadmin config modify -q -o store.dav.defaultbackend.dburl -v "$(cat dburl)"
    show 0 davadmin db init
  fi
  show 0 davadmin backend list --output table
  show 0 davadmin ldap generate --entries 600 --seed 5 --faults none --backend defaultbackend --force -O directory.ldif --cs6-list cs6.txt --cs7-list cs7.txt
  local first second old
  first=$(sed -n 1p cs7.txt)
  second=$(sed -n 2p cs7.txt)
  old=$(awk -v RS= '/icsCalendarUser/ && !/davStore/ { sub(/.*\nmail: /, ""); sub(/\n.*/, ""); print; exit }' directory.ldif)

  step "Create accounts for all users who have moved, from the directory."
  show 0 davadmin account create -a "$first" --ldif directory.ldif --dry-run
  show 0 davadmin account create -f cs7.txt --ldif directory.ldif -q
  show 0 davadmin account list --limit 5 --output table
  [ "$("$root/davadmin" account list | wc -l)" = "$(wc -l <cs7.txt)" ] || { printf 'demo: some users have no account\n' >&2; exit 1; }

  step "The rooms were not on that list: which entries are hosted here but have no account?"
  show 3 davadmin account list --orphans --missing --ldif directory.ldif
  show 0 davadmin account create -q -R '(objectClass=icsCalendarResource)' --ldif directory.ldif
  show 0 davadmin account list --orphans --missing --ldif directory.ldif

  step "Run again, the same command does nothing twice; users of the old server get no account."
  "$root/davadmin" account create -f cs7.txt --ldif directory.ldif | sort | cut -d: -f1 | uniq -c
  show 1 davadmin account create -a "$old" --ldif directory.ldif

  step "Create a calendar and share it."
  show 0 davadmin calendar create -a "$first" -n work -y "displayname=Work,acl=$second:r,colour=#3366cc"
  show 0 davadmin calendar modify -a "$first" -n work -y "set-ace=$second:w"
  show 0 davadmin account subscribe -a "$second" -c "/home/$first/work/"
  show 0 davadmin calendar list -a "$first" --output table

  data "$first" "$second" "$old"

  step "Delete an account, and restore it with everything in it."
  show 0 davadmin account delete -a "$first" --yes
  show 1 davadmin account list -a "$first"
  show 0 davadmin account list --state deleted
  show 0 davadmin account modify -a "$first" --undelete
  show 0 davadmin calendar list -a "$first" -n work -v
  show 0 davadmin history verify
  if [ "$1" = postgres ]; then
    kill "$server"
    wait "$server" || { printf 'demo: PostgreSQL did not stop cleanly\n' >&2; exit 1; }
    server=
  fi
}
