package report

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

// Terminal reports whether f is a terminal on which a line can be drawn over, and
// gives a function that asks for its width in columns: 80 where it won't say. One
// that calls itself dumb is like a file.
func Terminal(f *os.File) (width func() int, ok bool) {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) || dumb() {
		return nil, false
	}
	return func() int {
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			return w
		}
		return 80
	}, true
}

// Colour reports whether what is written to f may be coloured: on a terminal, unless
// NO_COLOR (https://no-color.org) is set.
func Colour(f *os.File) bool {
	_, ok := Terminal(f)
	return ok && os.Getenv("NO_COLOR") == ""
}

// dumb reports whether the terminal is one that knows no control sequences, or says
// nothing about itself. Windows has no TERM.
func dumb() bool {
	name := os.Getenv("TERM")
	return name == "dumb" || name == "" && runtime.GOOS != "windows"
}
