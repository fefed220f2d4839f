package csv

import (
	"bytes"
	standard "encoding/csv"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/internal/racetest"
)

var common = format{delimiter: []byte(","), quote: []byte(`"`)}

// record is a record as a test sees it.
type record struct {
	line   int64
	fields []string
}

// readAll reads records until something is wrong.
func readAll(source io.Reader, f format) (all []record, err error) {
	r := newReader(source, f)
	if err := r.begin(); err != nil {
		return nil, err
	}
	for {
		line, err := r.next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		one := record{line, nil}
		for _, field := range r.fields {
			one.fields = append(one.fields, string(field))
		}
		all = append(all, one)
	}
}

// standardRecords reads records with the standard library's reader. It drops blank lines,
// and makes a line feed of each CR LF.
func standardRecords(content string) (all []record, err error) {
	r := standard.NewReader(strings.NewReader(content))
	r.FieldsPerRecord = -1
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		line, _ := r.FieldPos(0)
		all = append(all, record{int64(line), fields})
	}
}

func FuzzRecordsAreThoseOfTheStandardLibrary(f *testing.F) {
	for _, content := range []string{
		"", "a,b\n1,2\n", "a,b\r\n1,2\r\n", "\"a\nb\",c\n\n\nd", "\"\"\"\",\"\"\n\"", "a\"b\n", "\"a\"b\n", "\n\n", "\"\"", ",", ",\n,", "é,\"é\"\n", "\"a", "a\n\"b\n\"\"c\n",
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if !utf8.ValidString(content) || strings.Contains(content, "\x00") || strings.Contains(strings.ReplaceAll(content, "\r\n", ""), "\r") || strings.HasPrefix(content, "\ufeff") {
			t.Skip("here the rules differ")
		}
		want, wantErr := standardRecords(content)
		all, err := readAll(strings.NewReader(content), common)
		var have []record
		lines := strings.SplitAfter(content, "\n")
		for _, r := range all {
			if blank := strings.TrimRight(lines[r.line-1], "\r\n") == ""; blank {
				continue
			}
			for i, field := range r.fields {
				r.fields[i] = strings.ReplaceAll(field, "\r\n", "\n")
			}
			have = append(have, r)
		}
		require.Equal(t, want, have)
		require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
		var p *problem
		var s *standard.ParseError
		if errors.As(err, &p) && errors.As(wantErr, &s) {
			require.GreaterOrEqual(t, p.line, int64(s.StartLine))
			require.LessOrEqual(t, p.line, int64(s.Line))
		}
	})
}

func TestWhatTheStandardLibraryWritesIsReadBack(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab,;\t\"'\n\r é→ 0")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]rune(",;\t|¦")).Draw(t, "delimiter")
		rows := rapid.SliceOfN(rapid.SliceOfN(text, 1, 4), 1, 6).Draw(t, "rows")
		var content bytes.Buffer
		w := standard.NewWriter(&content)
		w.Comma = delimiter
		for _, row := range rows {
			require.NoError(t, w.Write(row))
		}
		w.Flush()
		all, err := readAll(&content, format{delimiter: []byte(string(delimiter)), quote: []byte(`"`)})
		require.NoError(t, err)
		var have [][]string
		for _, r := range all {
			have = append(have, r.fields)
		}
		require.Equal(t, rows, have)
	})
}

func TestRecordsAcrossTheBuffersEndAreRead(t *testing.T) {
	if racetest.Enabled {
		t.Skip("one goroutine reads megabytes")
	}
	const tricky = "\"x\"\"y,\r\n\n\",é,\"\",→z\r\n"
	want := []string{"x\"y,\r\n\n", "é", "", "→z"}
	for _, size := range []int{firstBuffer, 2 * firstBuffer} {
		for k := range len(tricky) + 3 {
			// The buffer ends k bytes behind the beginning of the tricky record; long are
			// rows of one value that fill what is before.
			for _, rows := range []int{1, 3} {
				var content strings.Builder
				for i := range rows {
					n := (size - k) / rows
					if i == 0 {
						n += (size - k) % rows
					}
					content.WriteString(strings.Repeat("v", n-1) + "\n")
				}
				require.Equal(t, size-k, content.Len())
				all, err := readAll(strings.NewReader(content.String()+tricky+"last"), common)
				require.NoError(t, err)
				require.Len(t, all, rows+2)
				require.Equal(t, record{int64(rows + 1), want}, all[rows])
				require.Equal(t, record{int64(rows + 4), []string{"last"}}, all[rows+1])
			}
		}
	}
}

func TestARowMayBeAsLongAsTheLargestBuffer(t *testing.T) {
	if racetest.Enabled {
		t.Skip("one goroutine reads megabytes")
	}
	row := bytes.Repeat([]byte("v"), maxRecord)
	all, err := readAll(bytes.NewReader(row[:maxRecord-1]), common)
	require.NoError(t, err)
	require.Len(t, all[0].fields[0], maxRecord-1)
	_, err = readAll(io.MultiReader(bytes.NewReader(row), strings.NewReader("v\n")), common)
	require.EqualError(t, err, "a row of more than 64.0 MiB")

	_, err = readAll(io.MultiReader(strings.NewReader("a,b\n\"x\n\ny\",\"z\n"), bytes.NewReader(row)), common)
	require.EqualError(t, err, "the quote that opens here is not closed within 64.0 MiB")
	require.Equal(t, int64(4), err.(*problem).line)
	require.True(t, err.(*problem).last)
}

func TestARowMayHaveAMillionColumns(t *testing.T) {
	commas := strings.Repeat(",", maxColumns)
	all, err := readAll(strings.NewReader(commas[1:]+"\n1"), common)
	require.NoError(t, err)
	require.Len(t, all[0].fields, maxColumns)
	_, err = readAll(strings.NewReader(commas+"\n1"), common)
	require.EqualError(t, err, "a row of more than 1048576 values")
}

func TestRowsBehindOneAtFaultAreRead(t *testing.T) {
	for name, bad := range map[string]string{
		"a stray quote":       "x\"y\"\",z",
		"a quote closed":      "\"x\"y",
		"closed a line later": "\"x\ny\"z,\"w\"",
		"a carriage return":   "x\r,y",
		"bytes":               "x\xff,y",
		"NUL":                 "x\x00,y",
		"longer than buffer":  "x\r,y" + strings.Repeat("z", 3*firstBuffer),
	} {
		r := newReader(strings.NewReader("a,b\n"+bad+"\n1,2\n"), common)
		require.NoError(t, r.begin())
		_, err := r.next()
		require.NoError(t, err)
		_, err = r.next()
		require.ErrorAs(t, err, new(*problem), name)
		line, err := r.next()
		require.NoError(t, err, name)
		require.Equal(t, int64(3+strings.Count(bad, "\n")), line, name)
		require.Equal(t, "1", string(r.fields[0]), name)
		_, err = r.next()
		require.Equal(t, io.EOF, err, name)
	}
}

// endless gives random bytes, most of them of CSV, and ends.
type endless struct {
	random *rand.Rand
	left   int
	from   string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left, 1+e.random.IntN(1000))
	for i := range n {
		p[i] = e.from[e.random.IntN(len(e.from))]
	}
	e.left -= n
	return n, nil
}

func TestNoContentTakesMoreTimeOrMemoryThanItsSize(t *testing.T) {
	if racetest.Enabled {
		t.Skip("one goroutine reads megabytes")
	}
	for _, from := range []string{"\n", "\"", "\"\"\n", "a\"\n", ",", "a,\n\"", "\r", "\r\n", "\x00\xff\n", "1,"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := newReader(&endless{rand.New(rand.NewPCG(1, 2)), 4 << 20, from}, common)
		err := r.begin()
		for err == nil {
			if _, err = r.next(); err != nil {
				if p, ok := err.(*problem); ok && !p.last {
					err = nil
				}
			}
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(160<<20), "%q", from)
	}
}
