package text

import (
	"context"
	"io"
	"unicode/utf8"
)

// chunk is how many bytes are read at once.
const chunk = 64 << 10

const (
	firstSpacing = 256     // characters from a mark to the next, to begin with
	mostMarks    = 1 << 18 // of all files together: 6 MB
	fewestMarks  = 64      // that a file may have, however many there are
)

// marksFor is how many marks a file of a size may have, of all files' size: no more than
// there would be, since there is memory for them from the beginning.
func marksFor(size, all int64) int {
	share := int(mostMarks * (float64(size) / float64(max(all, 1))))
	return max(fewestMarks, min(share, int(size/firstSpacing)+2)&^1)
}

// mark is what is known of a character whose number is a multiple of the spacing.
type mark struct {
	at    int64 // its first byte
	line  int64 // its line, from 1
	begin int64 // the number of the line's first character
}

// index finds characters in a file by their number.
type index struct {
	spacing int64
	marks   []mark
	most    int   // marks, an even number: if there would be more, every other one is dropped
	count   int64 // characters
	bytes   int64
}

// add notes the next mark, and thins them out if there are many.
func (x *index) add(m mark) {
	if len(x.marks) == x.most {
		for i := range x.most / 2 {
			x.marks[i] = x.marks[2*i]
		}
		x.marks = x.marks[:x.most/2]
		x.spacing *= 2
	}
	x.marks = append(x.marks, m)
}

// span gives the bytes from the mark at or before a character to the mark at or after
// another, or the end.
func (x *index) span(from, to int64) (m mark, number, end int64) {
	k := from / x.spacing
	end = x.bytes
	if next := (to + x.spacing - 1) / x.spacing; next < int64(len(x.marks)) {
		end = x.marks[next].at
	}
	return x.marks[k], k * x.spacing, end
}

// book numbers characters in the order of their first occurrence.
type book struct {
	ascii [utf8.RuneSelf]int32 // number + 1; 0: not seen
	other [(utf8.MaxRune + 1) / page]*[page]int32
	texts []string
}

const page = 256

// add gives a character's number, a new one if need be.
func (b *book) add(r rune) {
	slot := b.slot(r)
	if *slot == 0 {
		b.texts = append(b.texts, string(r))
		*slot = int32(len(b.texts))
	}
}

func (b *book) slot(r rune) *int32 {
	if r < utf8.RuneSelf {
		return &b.ascii[r]
	}
	p := &b.other[r/page]
	if *p == nil {
		*p = new([page]int32)
	}
	return &(*p)[r%page]
}

// number gives the number of a character that was added.
func (b *book) number(r rune) int32 {
	if r < utf8.RuneSelf {
		return b.ascii[r] - 1
	}
	return b.other[r/page][r%page] - 1
}

// broken is where a text isn't UTF-8.
type broken struct {
	line, char int64  // from 1
	rest       []byte // what is there
	end        bool   // of the file, after rest
}

// mark is the byte order mark.
const byteOrderMark = "\uFEFF"

// scan reads a whole text, notes the places of at most so many of its characters, and adds
// them all to the book. It gives nil and where the
// text is broken if it isn't UTF-8. A byte order mark at its beginning isn't part of it.
func scan(ctx context.Context, r io.Reader, most int, b *book) (*index, *broken, error) {
	x := &index{spacing: firstSpacing, most: most, marks: make([]mark, 0, most)}
	buffer := make([]byte, chunk)
	line, begin := int64(1), int64(0)
	have, end, next := 0, false, int64(0) // next is the number of the character of the next mark
	for !end {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		n, err := io.ReadFull(r, buffer[have:])
		if end = err == io.EOF || err == io.ErrUnexpectedEOF; err != nil && !end {
			return nil, nil, err
		}
		data, i := buffer[:have+n], 0
		if x.bytes == 0 && len(data) >= len(byteOrderMark) && string(data[:len(byteOrderMark)]) == byteOrderMark {
			i = len(byteOrderMark)
		}
		for i < len(data) {
			if x.count == next {
				x.add(mark{at: x.bytes + int64(i), line: line, begin: begin})
				next = int64(len(x.marks)) * x.spacing
			}
			// Most of most texts is ASCII.
			from := i
			for stop := min(len(data), i+int(next-x.count)); i < stop && 0 < data[i] && data[i] < utf8.RuneSelf; i++ {
				if b.ascii[data[i]] == 0 {
					b.add(rune(data[i]))
				}
				if data[i] == '\n' {
					line, begin = line+1, x.count+int64(i-from)+1
				}
			}
			if i > from {
				x.count += int64(i - from)
				continue
			}
			if !end && !utf8.FullRune(data[i:]) {
				break
			}
			char, size := utf8.DecodeRune(data[i:])
			if char == 0 || char == utf8.RuneError && size == 1 {
				return nil, &broken{line: line, char: x.count - begin + 1, rest: data[i:], end: end}, nil
			}
			b.add(char)
			i += size
			x.count++
		}
		x.bytes += int64(i)
		have = copy(buffer, data[i:])
	}
	return x, nil, nil
}
