package cs6

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const million = 1_000_000

// address returns an address of 30 bytes, as is typical of directories of that size.
func address(i int) string { return fmt.Sprintf("first.last%07d@mail.example", i) }

func millionUsers(b testing.TB) *UserSet {
	s := NewUserSet(SetOptions{})
	for i := range million {
		uid, domain, _ := strings.Cut(address(i), "@")
		if err := s.Add(ListedUser{Address: address(i), UID: uid, Domain: domain, Line: i + 1}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// heap returns the bytes that the result of make occupies, and the result.
func heap[T any](make func() T) (uint64, T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return after.HeapAlloc - before.HeapAlloc, made
}

func BenchmarkUserSetMemory(b *testing.B) {
	for b.Loop() {
		bytes, s := heap(func() *UserSet { return millionUsers(b) })
		b.ReportMetric(float64(bytes)/million, "B/user")
		runtime.KeepAlive(s)
		bytes, m := heap(func() map[string]int {
			m := map[string]int{}
			for i := range million {
				m[address(i)] = i
			}
			return m
		})
		b.ReportMetric(float64(bytes)/million, "B/user-map")
		runtime.KeepAlive(m)
	}
}

func BenchmarkUserSetFind(b *testing.B) {
	s := millionUsers(b)
	known, unknown := make([]Entry, 1<<16), make([]Entry, 1<<16)
	for i := range known {
		// Spread over the set, so that the caches do not help.
		at := i * 7919 % million
		uid, domain, _ := strings.Cut(address(at), "@")
		known[i] = dirEntry{UID: uid, Mail: address(at), Domain: domain}.bytes()
		unknown[i] = dirEntry{UID: "x" + uid, Mail: "x" + address(at), Domain: domain, Alternates: []string{"y" + address(at)}}.bytes()
	}
	for _, c := range []struct {
		name    string
		entries []Entry
		want    bool
	}{{"listed", known, true}, {"not-listed", unknown, false}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := s.Find(c.entries[i&(1<<16-1)]); ok != c.want {
					b.Fatal(c.entries[i&(1<<16-1)])
				}
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkReadUsers(b *testing.B) {
	var words, calendars strings.Builder
	for i := range million / 10 {
		fmt.Fprintln(&words, address(i))
		fmt.Fprintf(&calendars, "%s:work: owner=first.last%07d status=enabled\n", address(i), i)
	}
	for _, c := range []struct{ name, text string }{{"addresses", words.String()}, {"cscal", calendars.String()}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				s := NewUserSet(SetOptions{})
				for p, err := range ReadUsers(strings.NewReader(c.text), ListOptions{}) {
					if err != nil {
						b.Fatal(err)
					}
					if err := s.Add(p); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*million/10/b.Elapsed().Seconds(), "users/s")
		})
	}
}

func BenchmarkParseIcsConf(b *testing.B) {
	file := []byte(strings.Repeat("! what it is for\nservice.http.idletimeout = \"120\"\n\n", 1000))
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		ParseIcsConf(file)
	}
}
