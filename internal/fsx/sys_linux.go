package fsx

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// aclAttribute is where Linux keeps the POSIX access list of a file.
const aclAttribute = "system.posix_acl_access"

// renameNoReplace moves a file where nothing may be; errNoReplace when the
// kernel or the file system (NFS, some FUSE) does not know how.
func renameNoReplace(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP:
		return errNoReplace
	}
	return err
}

// isACL tells which attributes decide who may use the file.
func isACL(name string) bool {
	return name == aclAttribute || name == "system.nfs4_acl"
}

// keepAttribute tells which attributes belong to the file rather than to the
// bytes in it (as a signature or a capability does).
func keepAttribute(name string) bool {
	return isACL(name) || name == "security.selinux" || strings.HasPrefix(name, "user.")
}

// dropInheritedACL removes the ACL that a default ACL of the directory gave
// to the new file: with the old file's mode it could open the new one to
// people whom the old one kept out. The old file's own ACL is copied later.
func (d *draft) dropInheritedACL() error {
	fd := int(d.f.Fd())
	_, err := unix.Fgetxattr(fd, aclAttribute, nil)
	if err != nil {
		if noAttribute(err) {
			return nil
		}
		return d.fail(OpXattr, err)
	}
	return d.do(OpXattr, d.temp, func() error { return unix.Fremovexattr(fd, aclAttribute) })
}

// copyAttributes carries the attributes of the old file over to the new one,
// the ACLs last, because they may make it read-only. What is equal already is
// not touched: a label may be readable and yet not be ours to set.
func (d *draft) copyAttributes() error {
	names, err := listAttributes(d.target)
	if err != nil {
		return d.fail(OpXattr, err)
	}
	fd := int(d.f.Fd())
	for _, name := range names {
		want, err := readAttribute(func(b []byte) (int, error) { return unix.Lgetxattr(d.target, name, b) })
		if noAttribute(err) {
			continue // gone since it was listed
		}
		if err != nil {
			return d.fail(OpXattr, fmt.Errorf("%s: %w", name, err))
		}
		have, err := readAttribute(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		err = d.do(OpXattr, d.temp, func() error { return unix.Fsetxattr(fd, name, want, 0) })
		if errors.Is(err, unix.ENOTSUP) && !isACL(name) {
			continue
		}
		if err != nil {
			return d.fail(OpXattr, fmt.Errorf("%s: %w", name, errors.Unwrap(err)))
		}
	}
	return nil
}

// listAttributes returns the names to keep, the ACLs last; none where the
// file system knows no attributes.
func listAttributes(path string) ([]string, error) {
	list, err := readAttribute(func(b []byte) (int, error) { return unix.Llistxattr(path, b) })
	if noAttribute(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names, acls []string
	for name := range strings.SplitSeq(string(list), "\x00") {
		switch {
		case isACL(name):
			acls = append(acls, name)
		case keepAttribute(name):
			names = append(names, name)
		}
	}
	return slices.Concat(names, acls), nil
}

// readAttribute asks for the size and then for the value, again when the
// value has grown in between.
func readAttribute(get func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := get(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		n, err = get(b)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}

// noAttribute tells the answers that mean there is none, now or ever.
func noAttribute(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
