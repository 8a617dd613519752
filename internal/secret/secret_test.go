package secret_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/seed"
)

// fast is the cost of passphrases in tests.
const fast = 2

const word = "hunter2"

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// No way of printing shows a secret, however deeply it is nested.
func TestSecretIsNeverPrinted(t *testing.T) {
	type deep struct {
		inner secret.Secret
		list  []secret.Secret
		names map[string]secret.Secret
	}
	s := secret.New([]byte(word))
	values := []any{
		s, &s, struct{ S secret.Secret }{s}, struct{ s secret.Secret }{s}, []secret.Secret{s}, map[string]secret.Secret{"a": s},
		deep{s, []secret.Secret{s}, map[string]secret.Secret{"a": s}}, &deep{inner: s}, secret.Entry{Value: s},
	}
	var out strings.Builder
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%10.2s"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		_ = json.NewEncoder(&out).Encode(v)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("log", "v", v)
		}
	}
	fmt.Fprintln(&out, errors.Join(fmt.Errorf("with %v", s)))
	for _, shown := range []string{word, fmt.Sprintf("%x", word), fmt.Sprintf("%X", word), "104 117", "104, 117", "0x68", "aHVudGVyMg"} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%s is shown", shown)
		}
	}
	if !strings.Contains(out.String(), "********") {
		t.Error("the secret is not replaced by stars")
	}
}

func TestSecretIsACopy(t *testing.T) {
	b := []byte(word)
	s := secret.New(b)
	b[0] = 'x'
	s.Reveal()[1] = 'x'
	if string(s.Reveal()) != word {
		t.Errorf("%q", s.Reveal())
	}
	var none secret.Secret
	if !none.Empty() || none.Reveal() != nil || !none.Equal(secret.New(nil)) || none.Equal(s) {
		t.Error("the zero secret is not the empty one")
	}
}

func passphrase(t *testing.T, p string) *secret.Key {
	t.Helper()
	k, err := secret.Passphrase(secret.New([]byte(p)), fast)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t *testing.T) *secret.Key {
	t.Helper()
	k, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, v *secret.Vault, k *secret.Key) []byte {
	t.Helper()
	b, err := v.Seal(k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An opened vault has the secrets that were sealed, whatever their bytes, and the
// sealed form does not contain them.
func TestVaultRoundTrip(t *testing.T) {
	seed.Rapid(t)
	key := newKey(t)
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.String(), rapid.SliceOfN(rapid.Byte(), 1, 200)).Draw(t, "secrets")
		var v secret.Vault
		for name, value := range want {
			if !v.Put(name, secret.New(value), noon) || v.Put(name, secret.New(value), noon.Add(time.Hour)) {
				t.Fatal("Put does not report what is new")
			}
		}
		sealed, err := v.Seal(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := secret.Open(sealed, key)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Names(), v.Names()) {
			t.Fatalf("%q, want %q", got.Names(), v.Names())
		}
		for name, value := range want {
			e, ok := got.Get(name)
			if !ok && name == strings.ToValidUTF8(name, "") {
				t.Fatalf("%q is missing", name)
			}
			if ok && (!bytes.Equal(e.Value.Reveal(), value) || !e.Set.Equal(noon)) {
				t.Fatalf("%q: wrong value", name)
			}
			if len(value) > 8 && bytes.Contains(sealed, value) {
				t.Fatal("the sealed vault contains a value")
			}
		}
	})
}

// The length of a vault does not reveal the length of a password.
func TestVaultHidesLengths(t *testing.T) {
	key := newKey(t)
	sizes := map[int]bool{}
	for n := 1; n < 300; n += 13 {
		var v secret.Vault
		v.Put("admin", secret.New(bytes.Repeat([]byte("x"), n)), noon)
		sizes[len(seal(t, &v, key))] = true
	}
	if len(sizes) != 1 {
		t.Errorf("%d lengths", len(sizes))
	}
}

func TestVaultOpensOnlyWithItsKey(t *testing.T) {
	var v secret.Vault
	v.Put("admin", secret.New([]byte(word)), noon)
	keys := map[string]*secret.Key{"a": passphrase(t, "correct horse"), "b": passphrase(t, "battery staple"), "c": newKey(t), "d": newKey(t)}
	for mine, k := range keys {
		sealed := seal(t, &v, k)
		kind, err := secret.KindOf(sealed)
		if err != nil || kind != k.Kind() {
			t.Errorf("%s: %v, %v", mine, kind, err)
		}
		for other, q := range keys {
			got, err := secret.Open(sealed, q)
			switch {
			case other == mine && err != nil:
				t.Errorf("%s: %v", mine, err)
			case other != mine && (!errors.Is(err, secret.ErrWrongKey) || got != nil):
				t.Errorf("%s opens what %s closed: %v", other, mine, err)
			}
		}
	}
}

// Truncated or altered anywhere, a vault does not open, and the error contains no
// secret.
func TestVaultDamaged(t *testing.T) {
	key := newKey(t)
	var v secret.Vault
	v.Put("admin", secret.New([]byte(word)), noon)
	sealed := seal(t, &v, key)
	try := func(b []byte) {
		t.Helper()
		got, err := secret.Open(b, key)
		if err == nil || got != nil {
			t.Fatalf("%d bytes: opened", len(b))
		}
		if !errors.Is(err, secret.ErrDamaged) && !errors.Is(err, secret.ErrNoVault) && !errors.Is(err, secret.ErrWrongKey) {
			t.Fatalf("%v", err)
		}
		if strings.Contains(err.Error(), word) {
			t.Fatal(err)
		}
	}
	for n := range len(sealed) {
		try(sealed[:n])
		b := bytes.Clone(sealed)
		b[n] ^= 1
		try(b)
	}
	try(append(bytes.Clone(sealed), 'x'))
	try(nil)
	try([]byte("base.ldapinfo.ugldap.binddn=cn=x\n"))
}

func TestKeyFile(t *testing.T) {
	k := newKey(t)
	text := k.File(noon)
	again, err := secret.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	var v secret.Vault
	v.Put("admin", secret.New([]byte(word)), noon)
	if _, err := secret.Open(seal(t, &v, k), again); err != nil {
		t.Error(err)
	}
	if passphrase(t, word).File(noon) != nil {
		t.Error("a passphrase has a file")
	}
	line := strings.Split(string(text), "\n")[2]
	for _, bad := range []string{
		"", "# a comment\n", word, line[:40], line + "x", strings.ToLower(line), line + "\n" + line, "AGE-SECRET-KEY-PQ-1" + line[16:],
		"age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq", strings.Repeat("A", 1<<16),
	} {
		k, err := secret.ParseKey([]byte(bad))
		if k != nil || !errors.Is(err, secret.ErrNoKey) {
			t.Errorf("%.20s: %v", bad, err)
		}
		if err != nil && (strings.Contains(err.Error(), word) || strings.Contains(err.Error(), line[20:30])) {
			t.Errorf("the text is repeated: %v", err)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb+verb, k, struct{ k any }{k}); strings.Contains(s, line) || strings.Contains(s, "[") {
			t.Errorf("%s shows the key: %s", verb, s)
		}
	}
}

func TestNoEmptyPassphrase(t *testing.T) {
	if k, err := secret.Passphrase(secret.Secret{}, fast); k != nil || err == nil {
		t.Error("an empty passphrase was accepted")
	}
}

func TestSources(t *testing.T) {
	broken := errors.New("broken")
	asked := 0
	count := func(b []byte, err error) secret.Source {
		return func(context.Context) ([]byte, error) { asked++; return b, err }
	}
	v := &secret.Vault{}
	v.Put("admin", secret.New([]byte(word)), noon)
	open := func(context.Context) (*secret.Vault, error) { return v, nil }
	none := func(context.Context) (*secret.Vault, error) { return nil, nil }
	for _, c := range []struct {
		name   string
		source secret.Source
		want   string
		err    error
		asked  int
	}{
		{"nothing", secret.First(), "", nil, 0},
		{"the first that has one", secret.First(count(nil, nil), secret.Text(""), secret.Text("a"), count([]byte("b"), nil)), "a", nil, 1},
		{"an empty one is one", secret.First(count([]byte{}, nil), secret.Text("a")), "", nil, 1},
		{"an error is not skipped", secret.First(count(nil, broken), secret.Text("a")), "", broken, 1},
		{"vault", secret.From(open, "admin"), word, nil, 0},
		{"not in the vault", secret.First(secret.From(open, "docstore"), secret.Text("a")), "a", nil, 0},
		{"no vault", secret.First(secret.From(none, "admin"), secret.Text("a")), "a", nil, 0},
	} {
		asked = 0
		b, err := c.source(t.Context())
		if string(b) != c.want || !errors.Is(err, c.err) || asked != c.asked {
			t.Errorf("%s: %q, %v, asked %d times", c.name, b, err, asked)
		}
	}
}

func TestOnceAsksOnce(t *testing.T) {
	asked := 0
	s := secret.Once(func(context.Context) ([]byte, error) {
		if asked++; asked == 1 {
			return nil, errors.New("not yet")
		}
		return []byte(word), nil
	})
	if _, err := s(t.Context()); err == nil {
		t.Error("the error was dropped")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if b, err := s(t.Context()); string(b) != word || err != nil {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	wg.Wait()
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

func FuzzOpen(f *testing.F) {
	key, err := secret.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := (&secret.Vault{}).Seal(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte("age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 30\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := secret.Open(b, key); err == nil && !bytes.Equal(b, sealed) {
			t.Error("bytes that this key did not seal were opened")
		}
	})
}
