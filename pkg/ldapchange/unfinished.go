package ldapchange

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
)

// IsStopped reports whether records of the run were not tried.
func (i *Info) IsStopped() bool { return i.State == Ready || i.State == Begun || i.State == Stopped }

// Unfinished returns the last run that applied the plan with a digest to a server. ok reports
// whether it was stopped and can be resumed. A run cannot be resumed if another run changed one
// of its entries since, such as its undo: what it recorded as done would not be done again.
// Without such a run, info has no ID.
func (r Runs) Unfinished(digest, server string, undoes int64) (info Info, ok bool, err error) {
	all, err := r.List()
	if err != nil {
		return Info{}, false, err
	}
	undone := map[int64]bool{}
	for _, info := range all {
		if info.Digest != digest || info.Undoes != undoes || info.Server != server {
			undone[info.Undoes] = true
			continue
		}
		if !info.IsStopped() || undone[info.ID] {
			return info, false, nil
		}
		changed, err := r.changedSince(&info, all)
		return info, err == nil && !changed, err
	}
	return Info{}, false, nil
}

// changedSince reports whether another run may have changed an entry of a run after that run
// was stopped. The server does not matter, as one directory can have several names.
func (r Runs) changedSince(run *Info, all []Info) (bool, error) {
	var entries map[uint64]struct{}
	seed := maphash.MakeSeed()
	for i := range all {
		if other := &all[i]; other.ID == run.ID || !other.mayHaveChangedAfter(run.lastKnown()) {
			continue
		}
		if entries == nil {
			entries = map[uint64]struct{}{}
			if err := r.eachEntry(run.ID, func(dn []byte) bool { entries[maphash.Bytes(seed, dn)] = struct{}{}; return true }); err != nil {
				return false, err
			}
		}
		found := false
		err := r.eachEntry(all[i].ID, func(dn []byte) bool {
			_, found = entries[maphash.Bytes(seed, dn)]
			return !found
		})
		if errors.Is(err, fs.ErrNotExist) {
			found, err = true, nil // its files were removed, so what it changed is unknown
		}
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// lastKnown returns the last time at which the run is known to have been at work.
func (i *Info) lastKnown() time.Time {
	if i.Ended.After(i.Started) {
		return i.Ended
	}
	return i.Started
}

// mayHaveChangedAfter reports whether the run may have changed entries after a time. When a
// run ended that was killed is unknown.
func (i *Info) mayHaveChangedAfter(t time.Time) bool {
	switch {
	case i.State == Ready, i.State == Partly && i.Changed == 0:
		return false
	case i.State == Begun:
		return true
	}
	return i.Ended.After(t)
}

// eachEntry calls fn with the normalised DN of each entry that a run changes, until fn returns
// false.
func (r Runs) eachEntry(id int64, fn func(dn []byte) bool) error {
	undo, err := r.OpenUndo(id)
	if err != nil {
		return err
	}
	defer func() { _ = undo.Close() }()
	var name []byte
	for records, err := range undo.All(false) {
		if err != nil {
			return err
		}
		for i := range records {
			dn := []byte(records[i].DN)
			if name, err = directory.AppendNormalDN(name[:0], dn); err != nil {
				name = directory.AppendFold(name[:0], dn)
			}
			if !fn(name) {
				return nil
			}
		}
	}
	return nil
}
