package runs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/internal/files"
)

// maxLine bounds a line of metrics. A confusion matrix of a thousand classes fits.
const maxLine = 32 << 20

// eachLine calls a function for each complete line of a run's metrics; the line is valid
// during the call. The last line of an active run may be incomplete, and is left out.
func (r *Run) eachLine(from int64, each func(line []byte) error) error {
	f, err := files.OpenIn(r.root, MetricsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errors.New(why(err))
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return errors.New(why(err))
	}
	in := bufio.NewReaderSize(f, 256<<10)
	var long []byte // of a line that is longer than the buffer
	for {
		part, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if long = append(long, part...); len(long) > maxLine {
				return fmt.Errorf("a line is longer than %s", diag.Bytes(maxLine))
			}
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errors.New(why(err))
		}
		line := part
		if long != nil {
			line = append(long, part...)
			long = nil
		}
		if err := each(bytes.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
}

// errLine is the error for a line that is no record.
var errLine = errors.New("it is no JSON object of numbers")

// pairs goes through a line's members: a JSON object in which values are numbers, or null
// for what is none. Others (tensors) are passed over. key is as it is written, in quotes.
func pairs(line []byte, each func(key []byte, value float64)) error {
	at := space(line, 0)
	if at == len(line) || line[at] != '{' {
		return errLine
	}
	at = space(line, at+1)
	if at < len(line) && line[at] == '}' {
		return ends(line, at+1)
	}
	for {
		end := text(line, at)
		if end < 0 {
			return errLine
		}
		key := line[at:end]
		at = space(line, end)
		if at == len(line) || line[at] != ':' {
			return errLine
		}
		at = space(line, at+1)
		v, end, ok := number(line, at)
		if end < 0 {
			return errLine
		}
		if ok {
			each(key, v)
		}
		at = space(line, end)
		switch {
		case at == len(line):
			return errLine
		case line[at] == '}':
			return ends(line, at+1)
		case line[at] != ',':
			return errLine
		}
		at = space(line, at+1)
	}
}

func ends(line []byte, at int) error {
	if space(line, at) != len(line) {
		return errLine
	}
	return nil
}

// space is where the next character is that is none.
func space(line []byte, at int) int {
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	return at
}

// text is where a string ends; -1 if there is none.
func text(line []byte, at int) int {
	if at >= len(line) || line[at] != '"' {
		return -1
	}
	for at++; at < len(line); at++ {
		switch line[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return -1
}

// number reads a value: a number, or NaN for null. ok is false for other values, and end is
// -1 where there is none.
func number(line []byte, at int) (v float64, end int, ok bool) {
	end = at
	for end < len(line) && (line[end] >= '0' && line[end] <= '9' || line[end] == '-' || line[end] == '+' || line[end] == '.' || line[end] == 'e' || line[end] == 'E') {
		end++
	}
	if end > at {
		v, err := strconv.ParseFloat(string(line[at:end]), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, -1, false
		}
		return v, end, true
	}
	if bytes.HasPrefix(line[at:], []byte("null")) {
		return math.NaN(), at + 4, true
	}
	return 0, skip(line, at), false
}

// skip is where a value ends that isn't a number; -1 if there is none.
func skip(line []byte, at int) int {
	depth := 0
	for at < len(line) {
		switch c := line[at]; c {
		case '"':
			end := text(line, at)
			if end < 0 {
				return -1
			}
			at = end
		case '[', '{':
			depth++
			at++
		case ']', '}':
			if depth == 0 {
				return -1
			}
			depth--
			at++
		case ',', ':', ' ', '\t':
			if depth == 0 {
				return -1
			}
			at++
			continue
		default:
			for at < len(line) && !bytes.ContainsRune([]byte(`",:[]{} `), rune(line[at])) {
				at++
			}
		}
		if depth == 0 {
			return at
		}
	}
	return -1
}

// keyName is what a key in quotes says.
func keyName(key []byte) string {
	var name string
	if json.Unmarshal(key, &name) != nil {
		return string(key[1 : len(key)-1])
	}
	return name
}

// tail is how much of the end of the metrics Last reads.
const tail = 256 << 10

// Last gives the numbers of the last line of the metrics; nil if there is none.
func (r *Run) Last() (values map[string]float64) {
	info, err := r.root.Stat(MetricsFile)
	if err != nil {
		return nil
	}
	first := info.Size() > tail // begins within a line
	err = r.eachLine(max(0, info.Size()-tail), func(line []byte) error {
		if first {
			first = false
			return nil
		}
		here := map[string]float64{}
		if pairs(line, func(key []byte, v float64) { here[keyName(key)] = v }) == nil {
			values = here
		}
		return nil
	})
	if err != nil {
		r.problem("%s: %s", MetricsFile, err)
	}
	return values
}
