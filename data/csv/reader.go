package csv

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/flowrun/flowrun/data/records"
	"github.com/flowrun/flowrun/diag"
)

// Limits of the reader. Its buffer contains one record at least.
const (
	firstBuffer = 256 << 10
	maxRecord   = 64 << 20 // bytes
	maxColumns  = 1 << 20
)

// reader splits a file into records of fields. It reads what RFC 4180 describes, and:
// other delimiters and quotes, LF for CR LF, records of different lengths, blank lines.
// Quoted texts stay as they are, line ends included.
//
// encoding/csv can't do this job: see docs/dependencies.md.
type reader struct {
	source io.Reader
	format format
	roles  [256]role // what a byte in an unquoted field may be

	buffer   []byte
	at, end  int // the part of buffer that is still to be read
	complete bool
	skipping bool // to the end of a line

	line   int64    // of the next record
	fields [][]byte // of the last record; until the next one is read
	blank  bool     // nothing is in the last record's line
	spare  []byte   // fields with doubled quotes, without them
}

// format is what the keys of a data source say of its files.
type format struct {
	delimiter, quote []byte // one character each; quote may be none
	trim             bool
}

// problem is what is wrong with a record. Reading can go on behind its line, unless it is
// the last.
type problem struct {
	line    int64
	message string
	last    bool
}

func (p *problem) Error() string { return p.message }

// role is what a byte in an unquoted field may be.
type role byte

const (
	plain     role = iota
	delimiter      // all of one
	lineEnd        // LF or CR
	quote          // all of one
	longer         // the first byte of a longer delimiter or quote
)

func newReader(source io.Reader, f format) *reader {
	r := &reader{source: source, format: f, line: 1, buffer: make([]byte, firstBuffer)}
	set := func(character []byte, whole role) {
		switch len(character) {
		case 0:
		case 1:
			r.roles[character[0]] = whole
		default:
			r.roles[character[0]] = longer
		}
	}
	set(f.delimiter, delimiter)
	set(f.quote, quote)
	r.roles['\n'], r.roles['\r'] = lineEnd, lineEnd
	return r
}

// begin reads the file's beginning, and skips the mark of UTF-8.
func (r *reader) begin() error {
	if err := r.more(); err != nil {
		return err
	}
	skip, message := records.Sniff(r.buffer[:r.end], r.complete)
	if message != "" {
		return &problem{line: 1, message: message, last: true}
	}
	r.at = skip
	return nil
}

// next reads a record into r.fields and gives its first line. The error is a *problem,
// io.EOF, or the file's.
func (r *reader) next() (line int64, err error) {
	for {
		if r.skipping {
			if err := r.skip(); err != nil {
				return 0, err
			}
		}
		if r.at == r.end && r.complete {
			return 0, io.EOF
		}
		n, p := r.split(r.buffer[r.at:r.end])
		if n < 0 { // it goes on behind the buffer's end
			if r.end-r.at >= maxRecord {
				return 0, r.tooLong()
			}
			if err := r.more(); err != nil {
				return 0, err
			}
			continue
		}
		record := r.buffer[r.at : r.at+n]
		if offset, message := records.CheckText(record); offset >= 0 {
			p = &problem{line: r.line + feeds(record[:offset]), message: message}
		}
		line = r.line
		r.at += n
		r.line += feeds(record)
		if p != nil {
			r.skipping = n == 0 || record[n-1] != '\n'
			return 0, p
		}
		r.blank = len(r.fields) == 1 && len(r.fields[0]) == 0 && len(bytes.TrimSpace(record)) == 0
		return line, nil
	}
}

// more moves what is unread to the beginning of the buffer, makes it larger if it is full,
// and fills it.
func (r *reader) more() error {
	if r.at > 0 {
		r.end = copy(r.buffer, r.buffer[r.at:r.end])
		r.at = 0
	}
	if r.end == len(r.buffer) {
		r.buffer = slices.Grow(r.buffer, min(2*r.end, maxRecord)-r.end)
		r.buffer = r.buffer[:min(2*r.end, maxRecord)]
	}
	n, err := io.ReadFull(r.source, r.buffer[r.end:])
	r.end += n
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		r.complete, err = true, nil
	}
	return err
}

// skip reads to the end of a line.
func (r *reader) skip() error {
	for {
		rest := r.buffer[r.at:r.end]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			r.at += i + 1
			r.line++
			r.skipping = false
			return nil
		}
		if r.at = r.end; r.complete {
			return nil
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// split splits the record at the beginning of b and gives its length with its line end.
// It is -1 if b doesn't contain the record's end.
func (r *reader) split(b []byte) (int, *problem) {
	fields, roles := r.fields[:0], &r.roles
	r.spare = r.spare[:0]
	defer func() { r.fields = fields }()
	trim := r.format.trim
	i := 0
	for {
		if len(fields) == maxColumns {
			return i, r.problem(b, i, fmt.Sprintf("a row of more than %d values", maxColumns))
		}
		if trim {
			i += blanks(b[i:], r.format.delimiter)
		}
		start, found := i, plain
		for ; i < len(b); i++ {
			if found = roles[b[i]]; found != plain {
				if found != longer {
					break
				}
				if found = r.whole(b[i:]); found != plain {
					break
				}
			}
		}
		value := b[start:i]
		if found == quote && i == start {
			n, p := 0, (*problem)(nil)
			if value, n, p = r.quoted(b, i); n < 0 || p != nil {
				return n, p
			}
			i, found = n, plain
			if i < len(b) {
				if found = roles[b[i]]; found == longer {
					found = r.whole(b[i:])
				}
			}
		} else if trim {
			value = bytes.TrimRight(value, " \t")
		}
		fields = append(fields, value)
		switch rest := b[i:]; {
		case found == delimiter:
			i += len(r.format.delimiter)
		case found == quote:
			return i, r.problem(b, i, strayQuote(value))
		case len(rest) == 0 && r.complete:
			return i, nil
		case len(rest) == 0:
			return -1, nil
		case rest[0] == '\n':
			return i + 1, nil
		case len(rest) > 1 && rest[1] == '\n':
			return i + 2, nil
		case len(rest) > 1:
			return i + 1, r.problem(b, i, "a carriage return without a line feed; lines end in LF or CR LF")
		case r.complete: // CR at the file's end
			return i + 1, nil
		default:
			return -1, nil
		}
	}
}

// whole says whether a delimiter or quote of several bytes is at the beginning of b.
func (r *reader) whole(b []byte) role {
	switch {
	case bytes.HasPrefix(b, r.format.delimiter):
		return delimiter
	case len(r.format.quote) > 0 && bytes.HasPrefix(b, r.format.quote):
		return quote
	}
	return plain
}

// quoted reads a quoted field, and gives where it ends, behind its quote: at a delimiter,
// a line end or the end of b. That is -1 if b doesn't contain it.
func (r *reader) quoted(b []byte, open int) (value []byte, end int, p *problem) {
	quote := r.format.quote
	i := open + len(quote)
	spare := len(r.spare)
	for start := i; ; {
		n := bytes.Index(b[i:], quote)
		if n < 0 && !r.complete {
			return nil, -1, nil
		}
		if n < 0 {
			p = r.problem(b, open, "the quote that opens here is not closed")
			p.last = true
			return nil, len(b), p
		}
		i += n
		after := i + len(quote)
		if after == len(b) && !r.complete {
			return nil, -1, nil // another may follow
		}
		if bytes.HasPrefix(b[after:], quote) { // a doubled quote is one of the value
			r.spare = append(append(r.spare, b[start:i]...), quote...)
			i = after + len(quote)
			start = i
			continue
		}
		value = b[start:i]
		if len(r.spare) > spare {
			r.spare = append(r.spare, value...)
			value = r.spare[spare:]
		}
		end = after
		break
	}
	if r.format.trim {
		end += blanks(b[end:], r.format.delimiter)
	}
	rest := b[end:]
	if len(rest) > 0 && rest[0] != '\n' && rest[0] != '\r' && !bytes.HasPrefix(rest, r.format.delimiter) {
		p = r.problem(b, open, "the quote that opens here is closed before "+diag.Quote(word(rest)))
		if lines := feeds(b[open:end]); lines > 0 {
			p.message += fmt.Sprintf(" in line %d", p.line+lines)
		}
		if len(bytes.Trim([]byte(word(rest)), " \t\r")) == 0 {
			p.message += "; trim: true leaves out blanks"
		} else {
			p.message += "; a quote inside a quoted value is doubled"
		}
		return nil, end, p
	}
	return value, end, nil
}

// strayQuote describes a quote behind the beginning of a value.
func strayQuote(before []byte) string {
	if len(bytes.TrimLeft(before, " \t")) == 0 {
		return "blanks before a quote; trim: true leaves them out"
	}
	return `a quote inside a value that doesn't begin with one; put the value in quotes and double those inside, or say that quotes are ordinary characters: quote: ""`
}

func (r *reader) problem(b []byte, at int, message string) *problem {
	return &problem{line: r.line + feeds(b[:at]), message: message}
}

// tooLong describes a record that is larger than the buffer may get.
func (r *reader) tooLong() *problem {
	b := r.buffer[r.at:r.end]
	p := &problem{line: r.line, last: true, message: fmt.Sprintf("a row of more than %s", diag.Bytes(maxRecord))}
	if bytes.IndexByte(b, '\n') < 0 {
		return p
	}
	// Only a quote contains line feeds: the one that is still open.
	r.complete = true
	defer func() { r.complete = false }()
	if _, open := r.split(b); open != nil {
		p.line = open.line
		p.message = fmt.Sprintf("the quote that opens here is not closed within %s", diag.Bytes(maxRecord))
	}
	return p
}

// feeds counts the line feeds.
func feeds(b []byte) int64 { return int64(bytes.Count(b, []byte{'\n'})) }

// blanks counts the blanks and tabs at the beginning of b that aren't delimiters.
func blanks(b, delimiter []byte) int {
	n := 0
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') && b[n] != delimiter[0] {
		n++
	}
	return n
}

// word is the beginning of a line, with its first word.
func word(b []byte) string {
	b, _, _ = bytes.Cut(b[:min(len(b), 40)], []byte{'\n'})
	start := len(b) - len(bytes.TrimLeft(b, " \t"))
	if i := bytes.IndexAny(b[start:], " \t,;"); i > 0 {
		b = b[:start+i]
	}
	return string(b)
}
