package secret

import (
	"context"
	"sync"
)

// Source returns a password when it is needed. If it has none, it returns nil and no
// error; an empty password is not nil.
type Source func(ctx context.Context) ([]byte, error)

// First returns a Source that returns the password of the first source that has one.
// It stops at an error: a source that fails is not skipped.
func First(sources ...Source) Source {
	return func(ctx context.Context) ([]byte, error) {
		for _, s := range sources {
			if b, err := s(ctx); b != nil || err != nil {
				return b, err
			}
		}
		return nil, nil
	}
}

// Once returns a Source that calls s until it returns a password, and remembers that.
// Several goroutines may call it; one of them calls s, the others wait.
func Once(s Source) Source {
	var mu sync.Mutex
	var known []byte
	return func(ctx context.Context) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if known != nil {
			return known, nil
		}
		b, err := s(ctx)
		if err == nil {
			known = b
		}
		return b, err
	}
}

// Text returns a Source for a known word, such as that of an environment variable; an
// empty word is not a password.
func Text(word string) Source {
	return func(context.Context) ([]byte, error) {
		if word == "" {
			return nil, nil
		}
		return []byte(word), nil
	}
}

// From returns a Source for one name in a vault, which it opens when it is called; a
// nil vault has no passwords.
func From(open func(context.Context) (*Vault, error), name string) Source {
	return func(ctx context.Context) ([]byte, error) {
		v, err := open(ctx)
		if err != nil || v == nil {
			return nil, err
		}
		e, ok := v.Get(name)
		if !ok {
			return nil, nil
		}
		return e.Value.Reveal(), nil
	}
}
