package text

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

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

func TestTextThatIsNotUTF8IsRefusedWithItsEncoding(t *testing.T) {
	const help = "; save it as UTF-8, or read its bytes (`tokens: bytes`)"
	convert := func(encoding string) string {
		return "; convert it: iconv -f " + encoding + " -t UTF-8, or read its bytes (`tokens: bytes`)"
	}
	for content, want := range map[string]string{
		"one\ntwo\ncaf\xe9 au lait":              "00.txt:3:4: the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252" + convert("WINDOWS-1252"),
		"\xff\xfea\x00b\x00":                     "00.txt:1:1: the file is not UTF-8 but UTF-16 text" + convert("UTF-16"),
		"\xfe\xff\x00a\x00b":                     "00.txt:1:1: the file is not UTF-8 but UTF-16 text" + convert("UTF-16"),
		"one two\x00three":                       "00.txt:1:8: a zero byte: the file isn't text, or UTF-16 without a byte order mark" + help,
		"caf\xc3":                                "00.txt:1:4: the byte 0xc3 isn't UTF-8: the file ends within a character; was it cut off?",
		"a\xed\xa0\xbd\xed\xb8\x80b":             "00.txt:1:2: the byte 0xed isn't UTF-8: it begins half a surrogate pair, as in CESU-8" + help,
		"\x93\xfa\x96\x7b\x8c\xea\n":             "00.txt:1:1: the byte 0x93 isn't UTF-8: the file has another encoding" + help,
		"ab\xc0\x80cd":                           "00.txt:1:3: the byte 0xc0 isn't UTF-8: the file has another encoding" + help,
		strings.Repeat("é\n", chunk/3) + "\xe9t": fmt.Sprintf("00.txt:%d:1: the byte 0xe9 isn't UTF-8: the file looks like Latin-1 or Windows-1252%s", chunk/3+1, convert("WINDOWS-1252")),
	} {
		require.Equal(t, want, refused(t, characters(put(t, t.TempDir(), content), 1)))
	}
	gz := "\x1f\x8b\x08\x00"
	require.Contains(t, refused(t, characters(put(t, t.TempDir(), gz), 1)), "00.txt:1:2: the file is not UTF-8 but compressed by gzip; unpack it: gunzip FILE")
	utf16 := refused(t, characters(put(t, t.TempDir(), "a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00"), 1))
	require.Contains(t, utf16, "UTF-16 text; convert it: iconv -f UTF-16LE -t UTF-8")
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

func FuzzScan(f *testing.F) {
	for _, seed := range []string{"", "a\n", "\uFEFFé", "\xff", "a\x00", "\xe2\x82", strings.Repeat("é", 300)} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, content []byte, times int) {
		content = []byte(strings.Repeat(string(content), 1+min(max(times, 0), 3*chunk/(1+len(content)))))
		var b book
		x, broken, err := scan(context.Background(), strings.NewReader(string(content)), fewestMarks, &b)
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
