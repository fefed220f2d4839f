package text

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		order := rapid.Permutation(rows).Draw(t, "order")
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
	x, broken, err := scan(context.Background(), &repeated{left: size}, &b)
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

func TestFilesTooShortForAWindowAreCountedAloud(t *testing.T) {
	var notes []string
	d := characters(put(t, t.TempDir(), "abcd", "ab", "", "abc"), 3)
	tab := opened(t, d, &notes)
	defer tab.Close()
	require.EqualValues(t, 2, tab.Len())
	require.Equal(t, "abcabc", text(t, tab, 0, 0, 1))
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "2 files of 4 are shorter than a window of 3 characters, and give no example (the first is ")

	notes = nil
	set(d, keyAcross, true)
	all := opened(t, d, &notes)
	defer all.Close()
	require.Equal(t, "abcdababc", text(t, all, 0, 0, 1, 2))
	require.Empty(t, notes)
}

func TestATextTooShortIsAnErrorWithBothLengths(t *testing.T) {
	d := characters(put(t, t.TempDir(), "abcdefg"), 7)
	field(d, "target", ir.I32, 7, 1)
	require.Equal(t, "00.txt: the text has 7 characters, and a window needs 8 (7 of field target, after an offset of 1)", refused(t, d))
	opened(t, characters(put(t, t.TempDir(), "abcdefg"), 7), nil).Close()

	d = characters(put(t, t.TempDir(), "ab", "abc"), 4)
	require.Equal(t, "00.txt: the longest of 2 files has 3 characters, and a window needs 4", refused(t, d))
	set(d, keyAcross, true)
	opened(t, d, nil).Close()

	d = put(t, t.TempDir(), "")
	set(d, keyTokens, byBytes)
	field(d, "x", ir.I32, 0, 0)
	require.Equal(t, "00.txt: the text has 0 bytes, and a window needs 1", refused(t, d))
}

func TestTextThatIsNotUTF8IsRefusedWithItsEncoding(t *testing.T) {
	const help = "; save it as UTF-8, or read its bytes (`tokens: bytes`)"
	for content, want := range map[string]string{
		"one\ntwo\ncaf\xe9 au lait":              "00.txt:3:4: the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252" + help,
		"\xff\xfea\x00b\x00":                     "00.txt:1:1: the byte 0xff isn't UTF-8: the file is UTF-16 text" + help,
		"\xfe\xff\x00a\x00b":                     "00.txt:1:1: the byte 0xfe isn't UTF-8: the file is UTF-16 text" + help,
		"one two\x00three":                       "00.txt:1:8: a zero byte: the file isn't text, or UTF-16 without a byte order mark" + help,
		"caf\xc3":                                "00.txt:1:4: the byte 0xc3 isn't UTF-8: the file ends within a character; was it cut off?",
		"a\xed\xa0\xbd\xed\xb8\x80b":             "00.txt:1:2: the byte 0xed isn't UTF-8: it begins half a surrogate pair, as in CESU-8" + help,
		"\x93\xfa\x96\x7b\x8c\xea\n":             "00.txt:1:1: the byte 0x93 isn't UTF-8: the file has another encoding" + help,
		"ab\xc0\x80cd":                           "00.txt:1:3: the byte 0xc0 isn't UTF-8: the file has another encoding" + help,
		strings.Repeat("é\n", chunk/3) + "\xe9t": fmt.Sprintf("00.txt:%d:1: the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252%s", chunk/3+1, help),
	} {
		require.Equal(t, want, refused(t, characters(put(t, t.TempDir(), content), 1)))
	}
	gz := "\x1f\x8b\x08\x00"
	require.Contains(t, refused(t, characters(put(t, t.TempDir(), gz), 1)), "00.txt:1:2: the byte 0x8b isn't UTF-8: the file is compressed by gzip")
	utf16 := refused(t, characters(put(t, t.TempDir(), "a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00"), 1))
	require.Contains(t, utf16, "UTF-16")
	require.Contains(t, utf16, "00.txt:1:2:")
}

func TestAllFilesAtFaultAreReportedIfAskedFor(t *testing.T) {
	d := characters(put(t, t.TempDir(), "a\xff", "b", "\n\xff"), 1)
	complete(d)
	var places []string
	_, err := open(context.Background(), &table.Input{Decl: d, Files: folder{}, Fault: func(f *table.Fault) error {
		places = append(places, fmt.Sprint(filepath.Base(f.File), f.Row, f.Char))
		return nil
	}})
	require.ErrorIs(t, err, table.ErrFaults)
	require.Equal(t, []string{"00.txt1 2", "02.txt2 1"}, places)
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

func TestAFileThatIsChangedWhileInUseIsAnError(t *testing.T) {
	for _, tokens := range []string{byBytes, byCharacters} {
		d := characters(put(t, t.TempDir(), strings.Repeat("abcdefgh", 4096), "other"), 8)
		if tokens == byBytes {
			set(d, keyTokens, byBytes)
			delete(d.Options, keyVocabulary)
		}
		set(d, keyAcross, true)
		tab := opened(t, d, nil)
		f, err := os.OpenFile(d.Files[0].Path, os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte{0xff}, 5000)
		require.NoError(t, err)
		dst := make([]byte, 8*4)
		require.NoError(t, tab.Read(0, []int64{0}, dst))
		require.ErrorContains(t, tab.Read(0, []int64{625}, dst), "00.txt: it was changed while it was being read")
		require.NoError(t, f.Truncate(100))
		require.ErrorContains(t, tab.Read(0, []int64{0}, dst), "00.txt: it was changed while it was being read")
		require.NoError(t, f.Close())
		require.NoError(t, tab.Close())
	}
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

func TestDeclarationsAreCheckedWithoutFiles(t *testing.T) {
	declared := func(change func(*table.Decl)) string {
		d := &table.Decl{Options: table.Options{}}
		characters(d, 4)
		change(d)
		complete(d)
		var all []string
		for _, p := range check(d) {
			require.NotEmpty(t, p.Help)
			all = append(all, p.Message)
		}
		return strings.Join(all, "\n")
	}
	for want, change := range map[string]func(*table.Decl){
		"": func(*table.Decl) {},
		"characters need a `vocabulary`: how many ids there are, at most":                                                                           func(d *table.Decl) { delete(d.Options, keyVocabulary) },
		"`vocabulary` is for characters; a byte's id is its value, from 0 to 255":                                                                   func(d *table.Decl) { set(d, keyTokens, byBytes) },
		"`unknown` is 1000, but a vocabulary of 1000 has the ids from 0 to 999":                                                                     func(d *table.Decl) { set(d, keyUnknown, int64(1000)) },
		"field x: tokens are ids, which are integers, not f32":                                                                                      func(d *table.Decl) { d.Fields[0].Type.DType = ir.F32 },
		"field x: an example is a row of at least one token, not i32[2, 4]":                                                                         func(d *table.Decl) { d.Fields[0].Type.Shape = ir.Shape{2, 4} },
		"field x: u8 holds ids up to 255, and the vocabulary has ids up to 999":                                                                     func(d *table.Decl) { d.Fields[0].Type.DType = ir.U8 },
		"field x: an example is a row of at least one token, not i32[0]":                                                                            func(d *table.Decl) { d.Fields[0].Type.Shape = ir.Shape{0} },
		"field x: the tokens of a text have ids already":                                                                                            func(d *table.Decl) { d.Fields[0].Classes = &table.Classes{Count: 4} },
		"field x: ids aren't quantities, so they have no mean":                                                                                      func(d *table.Decl) { d.Fields[0].Normalize = table.PerField },
		"field x: a text has no missing values":                                                                                                     func(d *table.Decl) { d.Fields[0].Fill.By = table.FillDrop },
		"a text has no field that says which part a window is in":                                                                                   func(d *table.Decl) { d.Split = &table.Split{By: "x"} },
		"`stratify` is for classes, of which an example has one":                                                                                    func(d *table.Decl) { d.Split = &table.Split{Stratify: "x", InOrder: true} },
		"the parts of a text follow each other: drawn windows of two parts would lie side by side or overlap, and nothing held out would be unseen": func(d *table.Decl) { d.Split = &table.Split{} },
	} {
		require.Equal(t, want, declared(change))
	}
	require.Empty(t, declared(func(d *table.Decl) { set(d, keyUnknown, int64(999)) }))
	require.Empty(t, declared(func(d *table.Decl) { d.Split = &table.Split{InOrder: true} }))
	require.NotPanics(t, func() {
		d := &table.Decl{Fields: make([]table.Field, 1)}
		complete(d)
		check(d)
	})
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

func FuzzScan(f *testing.F) {
	for _, seed := range []string{"", "a\n", "\uFEFFé", "\xff", "a\x00", "\xe2\x82", strings.Repeat("é", 300)} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, content []byte, times int) {
		content = []byte(strings.Repeat(string(content), 1+min(max(times, 0), 3*chunk/(1+len(content)))))
		var b book
		x, broken, err := scan(context.Background(), strings.NewReader(string(content)), &b)
		require.NoError(t, err)
		valid := strings.ToValidUTF8(string(content), "\x00")
		bad := strings.IndexByte(valid, 0)
		if bad < 0 {
			require.Nil(t, broken)
			require.EqualValues(t, len([]rune(strings.TrimPrefix(valid, byteOrderMark))), x.count)
			require.EqualValues(t, len(content), x.bytes)
			return
		}
		require.NotNil(t, broken)
		before := strings.TrimPrefix(valid[:bad], byteOrderMark)
		require.EqualValues(t, strings.Count(before, "\n")+1, broken.line)
		require.EqualValues(t, len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))+1, broken.char)
		require.NotEmpty(t, complain(content[:min(64, len(content))], broken))
	})
}
