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

// ownerOf returns the owner of a file.
func ownerOf(fi fs.FileInfo) owner {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok { // cannot happen for files of package os on a Unix system
		return owner{-1, -1}
	}
	return owner{int(st.Uid), int(st.Gid)}
}

// OwnerOf returns the user and the group of a file by number, and both for a message, with
// their names where these are known.
func OwnerOf(fi fs.FileInfo) (uid, gid int, text string) {
	o := ownerOf(fi)
	return o.uid, o.gid, o.String()
}

// links returns the number of hard links of a file.
func links(fi fs.FileInfo) int {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return int(st.Nlink)
}

// ownerForNew returns who is to own a new file: the owner of from if the process
// runs as root, and otherwise the user of the process (give is false).
func ownerForNew(from string) (o owner, give bool, err error) {
	if from == "" || os.Geteuid() != 0 {
		return owner{}, false, nil
	}
	fi, err := os.Stat(from)
	if err != nil {
		return owner{}, false, fmt.Errorf("cannot find out the owner of %s: %w", from, bare(err))
	}
	return ownerOf(fi), true, nil
}

// give sets owner and group of f to want, and touches only what differs.
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
		return fmt.Errorf("its owner must be %s, which this process (uid %d) may not set: %w",
			want, os.Geteuid(), bare(err))
	}
	return nil
}

// String describes the owner for a message, by number and, where known, by name.
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

// HandOver gives a file or directory that this process created the owner and group
// of ownerFrom, if the process runs as root: the user who owns the other files
// would be locked out otherwise. It does nothing for other users, and does not
// follow a symbolic link.
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
