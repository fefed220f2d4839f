package records

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/diag"
)

// Limits of Lines. Its buffer contains one line at least.
const (
	firstBuffer = 256 << 10
	maxLine     = 64 << 20
)

// Lines splits a text file into lines of any length up to 64 MiB.
type Lines struct {
	source   io.Reader
	buffer   []byte
	at, end  int
	begun    bool
	complete bool
	number   int64
}

// NewLines reads lines from a file's content.
func NewLines(source io.Reader) *Lines {
	return &Lines{source: source, buffer: make([]byte, firstBuffer)}
}

// Problem is what is wrong with a file, where no line can be read.
type Problem struct {
	Line    int64
	Message string
}

func (p *Problem) Error() string { return p.Message }

// Next gives the next line without its line feed, and its number from 1. It is valid until
// the next call. The error is io.EOF, a *Problem, or the file's.
func (l *Lines) Next() (line []byte, number int64, err error) {
	if !l.begun {
		l.begun = true
		if err := l.more(); err != nil {
			return nil, 0, err
		}
		skip, message := Sniff(l.buffer[:l.end], l.complete)
		if message != "" {
			return nil, 0, &Problem{1, message}
		}
		l.at = skip
	}
	from := l.at // what is before it has no line feed
	for {
		if i := bytes.IndexByte(l.buffer[from:l.end], '\n'); i >= 0 {
			line = l.buffer[l.at : from+i]
			l.at = from + i + 1
			l.number++
			return line, l.number, nil
		}
		unread := l.end - l.at
		switch {
		case l.complete && unread == 0:
			return nil, 0, io.EOF
		case l.complete:
			line = l.buffer[l.at:l.end]
			l.at = l.end
			l.number++
			return line, l.number, nil
		case unread >= maxLine:
			return nil, 0, &Problem{l.number + 1, fmt.Sprintf("a line of more than %s", diag.Bytes(maxLine))}
		}
		if err := l.more(); err != nil {
			return nil, 0, err
		}
		from = l.at + unread
	}
}

// more moves what is unread to the beginning of the buffer, makes it larger if it is full,
// and fills it.
func (l *Lines) more() error {
	l.end = copy(l.buffer, l.buffer[l.at:l.end])
	l.at = 0
	if l.end == len(l.buffer) {
		size := min(2*l.end, maxLine)
		l.buffer = slices.Grow(l.buffer, size-l.end)[:size]
	}
	n, err := io.ReadFull(l.source, l.buffer[l.end:])
	l.end += n
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		l.complete, err = true, nil
	}
	return err
}
