package config

import (
	"fmt"

	"github.com/magiconair/properties"
)

// Settings gives typed access to a properties file with settings of davadmin
// itself, such as the clifile. References like ${x} are not expanded: Java does not
// expand them, and a password may contain one.
//
// It is read-only. Use Document for a file that is to be changed.
type Settings struct{ p *properties.Properties }

// ReadSettings reads a properties file in Latin-1, as Java does.
func ReadSettings(b []byte) (*Settings, error) {
	loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
	p, err := loader.LoadBytes(b)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	return &Settings{p: p}, nil
}

// String returns the value of key, or def if it is not set.
func (s *Settings) String(key, def string) string { return s.p.GetString(key, def) }

// Bool returns the value of key, or def if it is not set. In addition to true and
// false it accepts y and n, which the original's clifile uses.
func (s *Settings) Bool(key string, def bool) (bool, error) {
	switch v := s.p.GetString(key, ""); v {
	case "":
		return def, nil
	case "y", "Y", "yes", "true":
		return true, nil
	case "n", "N", "no", "false":
		return false, nil
	default:
		return def, fmt.Errorf("%s: '%s' is neither y nor n", key, v)
	}
}
