package text

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
)

// folder opens files of a test.
type folder struct{}

func (f folder) Open(path string) (*os.File, error)                    { return files.Open(path) }
func (f folder) Stat(path string) (os.FileInfo, error)                 { return os.Stat(path) }
func (f folder) List(_ context.Context, path string) ([]string, error) { return filepath.Glob(path) }

// failer is a test or a check of rapid's.
type failer interface {
	require.TestingT
	Helper()
}

// put writes the files of a data source, and gives a declaration of them.
func put(t failer, dir string, contents ...string) *table.Decl {
	t.Helper()
	d := &table.Decl{Name: "book", Kind: "text", Options: table.Options{}}
	for i, content := range contents {
		path := filepath.Join(dir, fmt.Sprintf("%02d.txt", i))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		d.Files = append(d.Files, table.File{Name: filepath.Base(path), Path: path})
	}
	return d
}

func set(d *table.Decl, key string, value any) { d.Options[key] = table.Option{Value: value} }

// field declares a field of n tokens; 0 is a scalar.
func field(d *table.Decl, name string, dtype ir.DType, n int, at int64) {
	shape := ir.Shape{}
	if n > 0 {
		shape = ir.Shape{n}
	}
	d.Fields = append(d.Fields, table.Field{Name: name, Type: ir.Type{DType: dtype, Shape: shape},
		Options: table.Options{keyOffset: {Value: at}}})
}

// characters declares windows of characters.
func characters(d *table.Decl, n int) *table.Decl {
	set(d, keyTokens, byCharacters)
	set(d, keyVocabulary, int64(1000))
	field(d, "x", ir.I32, n, 0)
	return d
}

func opened(t failer, d *table.Decl, notes *[]string) table.Table {
	t.Helper()
	complete(d)
	require.Empty(t, check(d))
	in := &table.Input{Decl: d, Files: folder{}}
	if notes != nil {
		in.Note = func(s string) { *notes = append(*notes, s) }
	}
	tab, err := open(context.Background(), in)
	require.NoError(t, err)
	return tab
}

func refused(t *testing.T, d *table.Decl) string {
	t.Helper()
	complete(d)
	tab, err := open(context.Background(), &table.Input{Decl: d, Files: folder{}})
	require.Error(t, err)
	require.Nil(t, tab)
	return strings.ReplaceAll(err.Error(), filepath.Dir(d.Files[0].Path)+string(filepath.Separator), "")
}

// values reads examples of a field as numbers.
func values(t failer, tab table.Table, field int, rows ...int64) []int64 {
	t.Helper()
	c := tab.Column(field)
	dst := make([]byte, len(rows)*c.Type.Bytes())
	require.NoError(t, tab.Read(field, rows, dst))
	var got []int64
	for size := c.Type.DType.Size(); len(dst) > 0; dst = dst[size:] {
		switch size {
		case 4:
			got = append(got, int64(int32(binary.LittleEndian.Uint32(dst))))
		case 8:
			got = append(got, int64(binary.LittleEndian.Uint64(dst)))
		default:
			got = append(got, int64(dst[0]))
		}
	}
	return got
}

// text reads examples of a field of characters as a text.
func text(t failer, tab table.Table, field int, rows ...int64) string {
	t.Helper()
	var b strings.Builder
	for _, code := range values(t, tab, field, rows...) {
		b.WriteString(tab.Column(field).Texts[code])
	}
	return b.String()
}

func TestWindowsAreThoseThatCuttingTheTextGives(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		contents := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab\n\ré€😀\uFEFF")), 0, 700, -1), 1, 4).Draw(t, "files")
		d := put(t, dir, contents...)
		asBytes, across := rapid.Bool().Draw(t, "bytes"), rapid.Bool().Draw(t, "across")
		dtype := rapid.SampledFrom([]ir.DType{ir.U8, ir.I32, ir.I64}).Draw(t, "dtype")
		set(d, keyAcross, across)
		set(d, keyTokens, byBytes)
		if !asBytes {
			set(d, keyTokens, byCharacters)
			set(d, keyVocabulary, int64(10))
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "fields") {
			field(d, fmt.Sprint("f", i), dtype, rapid.IntRange(0, 20).Draw(t, "length"), rapid.Int64Range(0, 3).Draw(t, "offset"))
		}
		if rapid.Bool().Draw(t, "stride given") {
			set(d, keyStride, rapid.Int64Range(1, 30).Draw(t, "stride"))
		}
		complete(d)
		stride := int(d.Options.Int(keyStride))

		// The reference: whole texts in memory.
		var whole [][]string
		for _, content := range contents {
			var tokens []string
			if asBytes {
				for _, c := range []byte(content) {
					tokens = append(tokens, string([]byte{c}))
				}
			} else {
				tokens = strings.Split(strings.TrimPrefix(content, "\uFEFF"), "")
			}
			if across && len(whole) > 0 {
				whole[0] = append(whole[0], tokens...)
			} else {
				whole = append(whole, tokens)
			}
		}
		want := make([][]string, len(d.Fields))
		count := 0
		for _, tokens := range whole {
			for start := 0; ; start += stride {
				fits := true
				for i := range d.Fields {
					fits = fits && start+int(offset(&d.Fields[i])+length(&d.Fields[i])) <= len(tokens)
				}
				if !fits {
					break
				}
				count++
				for i := range d.Fields {
					from := start + int(offset(&d.Fields[i]))
					want[i] = append(want[i], tokens[from:from+int(length(&d.Fields[i]))]...)
				}
			}
		}
		if count == 0 {
			_, err := open(context.Background(), &table.Input{Decl: d, Files: folder{}})
			require.ErrorContains(t, err, "a window needs")
			return
		}
		tab := opened(t, d, nil)
		defer tab.Close()
		require.EqualValues(t, count, tab.Len())
		rows := make([]int64, count)
		for i := range rows {
			rows[i] = int64(i)
		}
		order := rows
		if rapid.Bool().Draw(t, "shuffled") {
			order = rapid.Permutation(rows).Draw(t, "order")
		} else if from := rapid.IntRange(0, count-1).Draw(t, "from"); rapid.Bool().Draw(t, "again") {
			order = append(rows[from:len(rows):len(rows)], rows[:from+1]...)
		}
		for i := range d.Fields {
			n := int(length(&d.Fields[i]))
			var drawn []string
			for _, row := range order {
				drawn = append(drawn, want[i][int(row)*n:int(row+1)*n]...)
			}
			var got []string
			for _, v := range values(t, tab, i, order...) {
				if asBytes {
					got = append(got, string([]byte{byte(v)}))
				} else {
					got = append(got, tab.Column(i).Texts[v])
				}
			}
			require.Equal(t, drawn, got)
		}
	})
}

func TestWindowsThatFollowEachOtherAreThoseReadOneByOne(t *testing.T) {
	content := strings.Repeat("aé😀b\n", runTokens/2) // 2.5 times as many as are read at once
	for _, tokens := range []string{byBytes, byCharacters} {
		for _, stride := range []int64{1000, 1001, 2002, 2003, runTokens} {
			d := put(t, t.TempDir(), content)
			set(d, keyTokens, tokens)
			if tokens == byCharacters {
				set(d, keyVocabulary, int64(10))
			}
			set(d, keyStride, stride)
			field(d, "x", ir.I32, 1001, 0)
			tab := opened(t, d, nil)
			var rows, alone []int64
			for row := range tab.Len() {
				rows = append(rows, row)
				alone = append(alone, values(t, tab, 0, row)...)
			}
			require.Greater(t, len(rows), 1)
			require.True(t, slices.Equal(alone, values(t, tab, 0, rows...)), "%s, stride %d", tokens, stride)
			require.NoError(t, tab.Close())
		}
	}
}

func TestACharacterAcrossTheBorderOfABufferIsWhole(t *testing.T) {
	for _, char := range []string{"é", "€", "😀"} {
		for before := chunk - 5; before <= chunk+1; before++ {
			content := strings.Repeat("a", before) + char + strings.Repeat("b", chunk) + char
			tab := opened(t, characters(put(t, t.TempDir(), content), 1), nil)
			require.EqualValues(t, before+chunk+2, tab.Len())
			require.Equal(t, "a"+char+"b", text(t, tab, 0, int64(before)-1, int64(before), int64(before)+1))
			require.Equal(t, "b"+char, text(t, tab, 0, tab.Len()-2, tab.Len()-1))
			require.NoError(t, tab.Close())
		}
	}
}

func TestALineMayBeLongerThanAnyBuffer(t *testing.T) {
	content := strings.Repeat("é", 3*chunk) + "\nend"
	tab := opened(t, characters(put(t, t.TempDir(), content), 3), nil)
	defer tab.Close()
	require.Equal(t, "end", text(t, opened(t, characters(put(t, t.TempDir(), "\nend"), 1), nil), 0, 1, 2, 3))
	last := tab.Len() - 1
	require.Equal(t, "\nen", text(t, tab, 0, last))
	require.EqualValues(t, 2, tab.(table.Sequenced).ElementAt(last, 0, 1).Row)
	require.EqualValues(t, 1, tab.(table.Sequenced).ElementAt(last, 0, 1).Char)
	require.EqualValues(t, 3*chunk+1, tab.(table.Sequenced).ElementAt(last, 0, 0).Char)
}

func TestAByteOrderMarkIsSkippedAtTheBeginningOnly(t *testing.T) {
	d := characters(put(t, t.TempDir(), "\uFEFFa\uFEFF", "\uFEFFb"), 1)
	tab := opened(t, d, nil)
	defer tab.Close()
	require.Equal(t, "a\uFEFFb", text(t, tab, 0, 0, 1, 2))

	d = put(t, t.TempDir(), "\uFEFFa")
	set(d, keyTokens, byBytes)
	field(d, "x", ir.I64, 4, 0)
	raw := opened(t, d, nil)
	defer raw.Close()
	require.Equal(t, []int64{0xef, 0xbb, 0xbf, 'a'}, values(t, raw, 0, 0))
}

func TestLineEndsAreKept(t *testing.T) {
	tab := opened(t, characters(put(t, t.TempDir(), "a\r\nb\rc\n"), 7), nil)
	defer tab.Close()
	require.Equal(t, "a\r\nb\rc\n", text(t, tab, 0, 0))
}

func TestEveryByteHasItsValueAsId(t *testing.T) {
	var content []byte
	for i := range 256 {
		content = append(content, byte(i))
	}
	for _, dtype := range []ir.DType{ir.U8, ir.I32, ir.I64} {
		d := put(t, t.TempDir(), string(content))
		set(d, keyTokens, byBytes)
		field(d, "x", dtype, 256, 0)
		tab := opened(t, d, nil)
		for i, v := range values(t, tab, 0, 0) {
			require.EqualValues(t, i, v)
		}
		require.NoError(t, tab.Close())
	}
}

// A text so long that marks are dropped, twice: a spacing of 256 is 1024 in the end.
func TestALongTextHasFewerMarks(t *testing.T) {
	size := int64(2*mostMarks*firstSpacing + 1000)
	var b book
	x, broken, err := scan(context.Background(), &repeated{left: size}, mostMarks, &b)
	require.NoError(t, err)
	require.Nil(t, broken)
	require.EqualValues(t, 4*firstSpacing, x.spacing)
	require.EqualValues(t, size, x.count)
	require.Less(t, len(x.marks), mostMarks)
	for k, m := range x.marks {
		number := int64(k) * x.spacing
		require.Equal(t, mark{at: number, line: number/10 + 1, begin: number / 10 * 10}, m)
	}
}

func TestMemoryDoesNotGrowWithTheFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	large := strings.Repeat(strings.Repeat("0123456789", 7)+"\n", 50<<20/71)
	d := characters(put(t, t.TempDir(), large, large, "small"), 5)
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	tab := opened(t, d, nil)
	require.Less(t, used()-before, uint64(10<<20))
	rows := int64(len(large) / 5)
	require.Equal(t, large[5*(rows-1):5*rows]+large[:5]+"small", text(t, tab, 0, rows-1, rows, 2*rows))
	require.NoError(t, tab.Close())
}

func TestMarksAreSharedBySize(t *testing.T) {
	require.Equal(t, mostMarks, marksFor(1<<40, 1<<40))
	require.Equal(t, mostMarks, marksFor(mostMarks*firstSpacing, mostMarks*firstSpacing))
	require.Equal(t, mostMarks/2+2, marksFor(mostMarks/2*firstSpacing, mostMarks/2*firstSpacing), "no more than there can be")
	require.Equal(t, mostMarks/4, marksFor(1<<40, 1<<42))
	require.Equal(t, fewestMarks, marksFor(1, 1<<40))
	require.Equal(t, fewestMarks, marksFor(0, 0))
	require.Zero(t, marksFor(1<<30, 3<<30)%2)
}

// repeated is lines of nine digits.
type repeated struct{ at, left int64 }

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for ; n < len(p) && r.left > 0; n++ {
		p[n] = "123456789\n"[r.at%10]
		r.at++
		r.left--
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestEveryTokenHasItsPlace(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		d := characters(put(t, dir, rapid.StringOfN(rapid.RuneFrom([]rune("ab\n\ré😀")), 3, 1000, -1).Draw(t, "a"),
			rapid.StringOfN(rapid.RuneFrom([]rune("ab\n")), 0, 20, -1).Draw(t, "b")), 3)
		set(d, keyAcross, rapid.Bool().Draw(t, "across"))
		set(d, keyStride, int64(2))
		tab := opened(t, d, nil)
		defer tab.Close()
		row := rapid.Int64Range(0, tab.Len()-1).Draw(t, "row")
		element := rapid.IntRange(0, 2).Draw(t, "element")
		at := tab.(table.Sequenced).ElementAt(row, 0, element)
		content, err := os.ReadFile(at.File)
		require.NoError(t, err)
		line := strings.Split(string(content), "\n")[at.Row-1] + "\n"
		require.Equal(t, strings.Split(text(t, tab, 0, row), "")[element], strings.Split(line, "")[at.Char-1])
		require.Equal(t, tab.(table.Sequenced).ElementAt(row, 0, 0), tab.At(row, 0))
	})
}

func TestWindowsFurtherApartThanTheOverlapShareNothing(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Repeat("x", 200)
		d := put(t, dir, content)
		set(d, keyTokens, byBytes)
		set(d, keyStride, rapid.Int64Range(1, 12).Draw(t, "stride"))
		for i := range rapid.IntRange(1, 2).Draw(t, "fields") {
			field(d, fmt.Sprint("f", i), ir.I32, rapid.IntRange(1, 20).Draw(t, "length"), rapid.Int64Range(0, 9).Draw(t, "offset"))
		}
		tab := opened(t, d, nil)
		defer tab.Close()
		reach := func(row int64) (from, to int64) { // all that lies between the first and the last token
			from = 1 << 40
			for i := range d.Fields {
				start := row*d.Options.Int(keyStride) + offset(&d.Fields[i])
				from, to = min(from, start), max(to, start+length(&d.Fields[i]))
			}
			return from, to
		}
		from, _ := reach(50)
		sharing := int64(0)
		for row := range int64(50) {
			if _, to := reach(row); to > from {
				sharing++
			}
		}
		require.Equal(t, sharing, tab.(table.Overlapping).Overlap())
	})
}

func TestOpenedWithFewerFieldsWindowsStartWhereTheyDid(t *testing.T) {
	d := put(t, t.TempDir(), "abcdefghij")
	set(d, keyTokens, byCharacters)
	set(d, keyVocabulary, int64(10))
	field(d, "x", ir.I32, 2, 0)
	field(d, "far", ir.I32, 4, 0)
	opened(t, d, nil).Close()
	d.Fields = d.Fields[:1]
	tab := opened(t, d, nil)
	defer tab.Close()
	require.Equal(t, "abefij", text(t, tab, 0, 0, 1, 2))
}

func TestThereMayBeMoreFilesThanAreOpenAtATime(t *testing.T) {
	var contents []string
	for i := range 300 {
		contents = append(contents, fmt.Sprintf("%03d", i))
	}
	tab := opened(t, characters(put(t, t.TempDir(), contents...), 3), nil)
	defer tab.Close()
	for row := range int64(300) {
		require.Equal(t, fmt.Sprintf("%03d", (row*7)%300), text(t, tab, 0, (row*7)%300))
	}
}

func TestTheFingerprintChangesWithWhatValuesDependOn(t *testing.T) {
	dir := t.TempDir()
	print := func(change func(*table.Decl)) string {
		d := characters(put(t, dir, "abcdef", "ghi"), 2)
		change(d)
		tab := opened(t, d, nil)
		defer tab.Close()
		return tab.Fingerprint()
	}
	prints := []string{
		print(func(*table.Decl) {}),
		print(func(d *table.Decl) { set(d, keyStride, int64(1)) }),
		print(func(d *table.Decl) { set(d, keyAcross, true) }),
		print(func(d *table.Decl) { slices.Reverse(d.Files) }),
		print(func(d *table.Decl) { d.Fields[0].Options[keyOffset] = table.Option{Value: int64(1)} }),
		print(func(d *table.Decl) { d.Fields[0].Type.Shape[0] = 1 }),
	}
	require.Equal(t, prints[0], print(func(d *table.Decl) { d.Batch, d.Shuffle = 7, true }))
	slices.Sort(prints)
	require.Len(t, slices.Compact(prints), 6)
}

func TestCharactersOfAllFieldsAreOneVocabulary(t *testing.T) {
	d := characters(put(t, t.TempDir(), "abcab"), 4)
	field(d, "target", ir.I64, 4, 1)
	set(d, keyUnknown, int64(3))
	tab := opened(t, d, nil)
	defer tab.Close()
	for i := range d.Fields {
		require.Equal(t, &table.Classes{Count: 1000, Unknown: 3, Vocabulary: true}, d.Fields[i].Classes)
		require.Equal(t, table.Column{Type: ir.Type{DType: ir.I32, Shape: ir.Shape{4}}, Texts: []string{"a", "b", "c"}}, tab.Column(i))
	}
}
