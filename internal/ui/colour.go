package ui

// Red colours text for a terminal, as do the functions below. The caller
// decides whether there is one.
func Red(s string) string { return "\x1b[31m" + s + "\x1b[0m" }

// Yellow is for warnings.
func Yellow(s string) string { return "\x1b[33m" + s + "\x1b[0m" }

// Green is for what is well, or new.
func Green(s string) string { return "\x1b[32m" + s + "\x1b[0m" }

// Dim is for what matters less.
func Dim(s string) string { return "\x1b[2m" + s + "\x1b[0m" }
