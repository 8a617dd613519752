package fsx

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner is a user and a group by number.
type owner struct{ uid, gid int }

// ownerOf reads the owner out of what stat said.
func ownerOf(fi fs.FileInfo) owner {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok { // cannot happen for files of package os on a Unix system
		return owner{-1, -1}
	}
	return owner{int(st.Uid), int(st.Gid)}
}

// links tells how many names a file has.
func links(fi fs.FileInfo) int {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return int(st.Nlink)
}

// ownerForNew tells who shall own a new file: as root the owner of from, else
// whoever we are (give is false).
func ownerForNew(from string) (o owner, give bool, err error) {
	if from == "" || os.Geteuid() != 0 {
		return owner{}, false, nil
	}
	fi, err := os.Stat(from)
	if err != nil {
		return owner{}, false, fmt.Errorf("the owner of %s is not known: %w", from, bare(err))
	}
	return ownerOf(fi), true, nil
}

// give changes owner and group of f to want, touching only what differs.
func (want owner) give(f *os.File, hook Hook) error {
	fi, err := f.Stat()
	if err != nil {
		return bare(err)
	}
	have, set := ownerOf(fi), want
	if have == want {
		return nil
	}
	if have.uid == want.uid {
		set.uid = -1
	}
	if have.gid == want.gid {
		set.gid = -1
	}
	err = hook.before(OpChown, f.Name())
	if err == nil {
		err = f.Chown(set.uid, set.gid)
	}
	if err != nil {
		return fmt.Errorf("its owner must be %s, and this run (uid %d) may not give it to them: %w",
			want, os.Geteuid(), bare(err))
	}
	return nil
}

// String names the owner for a message, by name as well where one is known.
func (want owner) String() string {
	uid, gid := strconv.Itoa(want.uid), strconv.Itoa(want.gid)
	who, group := "uid "+uid, "gid "+gid
	if u, err := user.LookupId(uid); err == nil {
		who = fmt.Sprintf("%s (uid %s)", u.Username, uid)
	}
	if g, err := user.LookupGroupId(gid); err == nil {
		group = fmt.Sprintf("%s (gid %s)", g.Name, gid)
	}
	return who + ", group " + group
}

// HandOver gives a file or a directory that this run made to the owner of another
// one, where this run is root's: whoever else works there would be locked out. It
// does nothing otherwise, and follows no symbolic link.
func HandOver(path, ownerFrom string, hook Hook) error {
	want, give, err := ownerForNew(ownerFrom)
	if err != nil || !give {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return bare(err)
	}
	defer f.Close()
	if err := want.give(f, hook); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
