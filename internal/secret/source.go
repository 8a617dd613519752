package secret

import (
	"context"
	"sync"
)

// Source gives a password when it is needed. Where it has none it returns nil and
// no error; a password that is empty is not nil.
type Source func(ctx context.Context) ([]byte, error)

// First asks one source after the other and returns what the first has that has
// one. An error ends it: a source that was named and fails is not passed over.
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

// Once asks a source until it has a password, and remembers that. Several
// goroutines may ask; one of them does, the others wait.
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

// Text is a source for a word that is known, such as that of an environment
// variable; the empty word is none.
func Text(word string) Source {
	return func(context.Context) ([]byte, error) {
		if word == "" {
			return nil, nil
		}
		return []byte(word), nil
	}
}

// From is a source for one name of a vault, which is opened when it is asked; a
// nil vault has nothing.
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
