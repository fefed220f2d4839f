package csv_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/internal/tabletest"
)

// small are small files, most of them with something wrong, and what they are read as.
// Of several contents each is a file. testdata/small.txt says what they give.
var small = []struct {
	name, declared string
	contents       []string
}{
	{"the simplest file", "a f32[]", []string{"a\n1\n"}},
	{"an empty file", "a f32[]", []string{""}},
	{"an empty file without a header", "header=false\n1 f32[]", []string{""}},
	{"a byte order mark and nothing else", "a f32[]", []string{"\ufeff"}},
	{"a header and no rows", "a f32[]", []string{"a,b\n"}},
	{"a header without a line end", "a f32[]", []string{"a,b"}},
	{"a header and no rows in one of two files", "a f32[]", []string{"a,b\n", "a,b\n1,2\n"}},
	{"no line feed at the end", "a f32[]", []string{"a\n1\n2"}},
	{"no line feed after a quote", "a f32[]", []string{"a\n1\n\"2\""}},
	{"CR LF", "b f32[]", []string{"a,b\r\n1,2\r\n3,4\r\n"}},
	{"CR LF and LF", "b f32[]", []string{"a,b\r\n1,2\n3,4\r\n5,6"}},
	{"a carriage return at the end", "b f32[]", []string{"a,b\n1,2\r"}},
	{"carriage returns alone", "b f32[]", []string{"a,b\r1,2\r3,4\r"}},
	{"a carriage return in a row", "b f32[]", []string{"a,b\n1,2\n3\r,4\n5,6\n"}},
	{"a byte order mark", "a f32[]", []string{"\ufeffa,b\n1,2\n"}},
	{"a byte order mark and a quoted header", "a f32[]", []string{"\ufeff\"a\",b\n1,2\n"}},
	{"a byte order mark in the second file", "a f32[]", []string{"a\n1\n", "\ufeffa\n2\n"}},
	{"a byte order mark where files were joined", "a f32[]", []string{"a\n1\n\ufeff2\n"}},
	{"two byte order marks", "a f32[]", []string{"\ufeff\ufeffa\n1\n"}},
	{"UTF-16, little-endian", "a f32[]", []string{"\xff\xfea\x00\n\x001\x00\n\x00"}},
	{"UTF-16, big-endian", "a f32[]", []string{"\xfe\xff\x00a\x00\n\x001\x00\n"}},
	{"UTF-16 without a mark", "a f32[]", []string{"a\x00\n\x001\x00\n\x00"}},
	{"UTF-16, big-endian, without a mark", "a f32[]", []string{"\x00a\x00\n\x001\x00\n"}},
	{"UTF-32", "a f32[]", []string{"\xff\xfe\x00\x00a\x00\x00\x00\n\x00\x00\x00"}},
	{"Latin-1 in a column that isn't used", "a f32[]", []string{"a,b\n1,x\n2,caf\xe9\n3,y\n"}},
	{"Latin-1 in the header", "a f32[]", []string{"a,h\xf6he\n1,2\n"}},
	{"Latin-1 behind quoted line feeds", "a f32[]", []string{"a,b\n1,\"x\n\n\xe9\"\n"}},
	{"UTF-8 cut at the end", "a f32[]", []string{"a,b\n1,\xc3"}},
	{"a surrogate in UTF-8", "a f32[]", []string{"a,b\n1,\xed\xa0\x80\n"}},
	{"an overlong slash", "a f32[]", []string{"a,b\n1,\xc0\xaf\n"}},
	{"all planes of UTF-8", "b i64[] classes=1", []string{"a,b\n1,é→𝄞\n"}},
	{"a NUL byte", "a f32[]", []string{"a,b\n1,x\x00y\n"}},
	{"a NUL byte in quotes", "a f32[]", []string{"a,b\n1,\"x\n\x00\"\n"}},
	{"gzip", "a f32[]", []string{"\x1f\x8b\x08\x00\x00\x00\x00\x00"}},
	{"an Excel workbook", "a f32[]", []string{"PK\x03\x04\x14\x00\x06\x00\x08\x00"}},
	{"an old Excel workbook", "a f32[]", []string{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"}},
	{"Parquet", "a f32[]", []string{"PAR1\x15\x04\x15\x80\x00"}},
	{"a column that is named like Parquet's mark", "PAR1 f32[]", []string{"PAR1,BZh9\n1,2\n"}},

	{"a row that is too short", "a f32[]", []string{"a,b,c\n1,2,3\n4,5\n6,7,8\n"}},
	{"a row that is too long", "a f32[]", []string{"a,b\n1,2\n3,4,5\n"}},
	{"a delimiter at the end of a row", "a f32[]", []string{"a,b\n1,2,\n"}},
	{"a delimiter at the end of every row", "a f32[]", []string{"a,b,\n1,2,\n"}},
	{"ragged rows without a header", "header=false\n1 f32[]", []string{"1,2\n3\n4,5,6\n"}},
	{"a blank line between rows of two columns", "a f32[]", []string{"a,b\n1,2\n\n3,4\n\n"}},
	{"a line of blanks between rows of two columns", "a f32[]", []string{"a,b\n1,2\n  \n3,4\n"}},
	{"a line of blanks, trimmed", "trim=true\na f32[]", []string{"a,b\n1,2\n  \t\n3,4\n"}},
	{"a blank line in one column", "a f32[]", []string{"a\n1\n\n3\n"}},
	{"a blank line in one column, declared", "missing=\na f32[] fill=mean", []string{"a\n1\n\n3\n"}},
	{"blank lines at the end of one column, declared", "missing=\na f32[] fill=-1", []string{"a\n1\n\n\n"}},
	{"blank lines with CR LF in one column", "missing=\na f32[] fill=-1", []string{"a\r\n\r\n1\r\n\r\n"}},
	{"a blank line of classes", "a i64[] classes=2", []string{"a\nx\n\ny\n"}},
	{"a blank line first, one column without a header", "header=false missing=\n1 f32[] fill=-1", []string{"\n\n1\n\n2\n"}},
	{"a blank line first, two columns without a header", "header=false\n1 f32[]", []string{"\n\n1,2\n\n3,4\n"}},
	{"nothing but blank lines without a header", "header=false\n1 f32[]", []string{"\n\n\n"}},
	{"a quoted empty text is no blank line", "a f32[]", []string{"a,b\n1,2\n\"\"\n"}},
	{"a blank line for a header", "a f32[]", []string{"\na,b\n1,2\n"}},

	{"a quote that isn't closed", "a f32[]", []string{"a,b\n1,x\n2,\"y\n3,z\n4,w\n"}},
	{"a quote that isn't closed behind one with line feeds", "a f32[]", []string{"a,b,c\n1,\"x\n\n\",\"y\n3,z\n"}},
	{"a quote that isn't closed in the header", "a f32[]", []string{"a,\"b\n1,2\n"}},
	{"a quote that is closed by the next one", "a f32[]", []string{"a,b\n1,\"x\n2,\"y\"\n3,z\n"}},
	{"a text after a quote", "a f32[]", []string{"a,b\n1,\"x\"y\n2,z\n"}},
	{"a blank after a quote", "a f32[]", []string{"a,b\n1,\"x\" \n2,z\n"}},
	{"a blank after a quote, trimmed", "trim=true\na f32[]", []string{"a,b\n1,\"x\" \n 2 , \"z\" \n"}},
	{"a quote inside a value", "a f32[]", []string{"a,b\n1,5\" pipe\n2,z\n"}},
	{"a quote inside a value, as it stands", "quote=\na f32[]\nb i64[] classes=2", []string{"a,b\n1,5\" pipe\n2,\"z\n"}},
	{"a blank before a quote", "a f32[]", []string{"a,b\n1, \"x\"\n"}},
	{"doubled quotes", "b i64[] classes=4", []string{"a,b\n1,\"\"\"\"\n2,\"say \"\"hi\"\"\"\n3,\"\"\"\"\"\"\n4,\"a,b\"\n"}},
	{"line ends in quotes stay", "b i64[] classes=3", []string{"a,b\n1,\"x\r\ny\"\n2,\"x\ny\"\n3,\"x\ry\"\n"}},
	{"another quote", "quote='\nb i64[] classes=2", []string{"a,b\n1,'x,\"y'\n2,'it''s'\n"}},
	{"a quote of several bytes", "quote=»\nb i64[] classes=2", []string{"a,b\n1,»x,y»\n2,»»»»\n"}},
	{"a quoted number", "a f32[]", []string{"a,b\n\"1\",2\n"}},
	{"quoted line feeds before a bad row", "a f32[]", []string{"a,b\n1,\"x\ny\r\nz\"\nbad,w\n"}},
	{"quoted line feeds in the header", "a f32[]", []string{"a,\"b\nc\"\n1,2\nbad,3\n"}},

	{"semicolons", "delimiter=;\nb f32[]", []string{"a;b\n1;2\n"}},
	{"tabs", "delimiter=\\t\nb f32[]", []string{"a\tb\n1\t2\n"}},
	{"blanks as delimiters", "delimiter=\\s\nb f32[]", []string{"a b\n1 2\n"}},
	{"a delimiter of two bytes", "delimiter=¦\nb f32[]", []string{"a¦b¦©\n1¦2¦©\n"}},
	{"semicolons that aren't declared", "b f32[]", []string{"a;b\n1;2\n"}},
	{"commas that aren't declared", "delimiter=;\nb f32[]", []string{"a,b\n1,2\n"}},
	{"a decimal comma", "delimiter=; decimal=,\na f64[]", []string{"a;b\n1,5;2\n-,5;2\n1,25e2;x\n"}},
	{"a point where the decimal mark is a comma", "delimiter=; decimal=,\na f32[]", []string{"a;b\n1.5;2\n"}},
	{"a decimal comma that isn't declared", "delimiter=;\na f32[]", []string{"a;b\n1,5;2\n"}},
	{"a decimal comma in quotes", "decimal=,\na f32[]", []string{"a,b\n\"1,5\",2\n"}},

	{"columns in another order", "x f32[2] columns=b,a", []string{"a,b\n1,2\n", "b,c,a\n4,9,3\n"}},
	{"a missing column", "petal_lenght f32[]", []string{"petal_length,petal_width,species\n1,2,x\n"}},
	{"a column in another case", "species f32[]", []string{"Species,b\n1,2\n"}},
	{"a column with a blank", "b f32[]", []string{"a, b\n1,2\n"}},
	{"a column with a blank, trimmed", "trim=true\nb f32[]", []string{"a, b\n1,2\n"}},
	{"a missing column in the second file", "a f32[]", []string{"a,b\n1,2\n", "b,c\n1,2\n"}},
	{"many columns and not this one", "z f32[]", []string{"a,b,c,d,e,f,g,h,i,j,k\n1,2,3,4,5,6,7,8,9,10,11\n"}},
	{"two columns of the same name", "a f32[]", []string{"a,b,a\n1,2,3\n"}},
	{"two columns of the same name that nothing uses", "b f32[]", []string{"a,b,a\n1,2,3\n"}},
	{"a column without a name", "b f32[]", []string{",b\n0,1\n"}},
	{"the number of a column with a header", "x f32[] column=2", []string{"a,b\n1,2\n"}},
	{"a column that is named by a number", "x f32[] column=2", []string{"1,2\n3,4\n"}},
	{"no header where one is declared", "x f32[] column=b", []string{"1,2\n3,4\n"}},
	{"a header where none is declared", "header=false\nx f32[] column=2", []string{"a,b\n1,2\n"}},
	{"the number of a column that isn't there", "header=false\nx f32[] column=3", []string{"1,2\n"}},
	{"a range of columns", "x f32[3] columns=b..d", []string{"a,b,c,d\n1,2,3,4\n", "d,a,c,b\n8,5,7,6\n"}},
	{"a range of numbers", "header=false\nx f32[2,2] columns=2..4,1", []string{"1,2,3,4\n"}},
	{"a range of another length", "x f32[2] columns=b..d", []string{"a,b,c,d\n1,2,3,4\n"}},
	{"a range that runs backwards", "x f32[3] columns=d..b", []string{"a,b,c,d\n1,2,3,4\n"}},
	{"a range to a column that isn't there", "x f32[3] columns=b..e", []string{"a,b,c,d\n1,2,3,4\n"}},
	{"a column that looks like a range", "x f32[1] columns=a..b", []string{"a..b,c\n1,2\n"}},
	{"no columns at all", "x f32[0] columns=\ny f32[] column=a", nil},

	{"a word for a number", "a f32[]", []string{"a\nhello\n"}},
	{"NA", "a f32[]", []string{"a\nNA\n"}},
	{"nan", "a f32[]", []string{"a\nnan\n"}},
	{"inf", "a f32[]", []string{"a\ninf\n"}},
	{"-Infinity", "a f64[]", []string{"a\n-Infinity\n"}},
	{"underscores", "a f32[]", []string{"a\n1_000\n"}},
	{"underscores in an integer", "a i64[]", []string{"a\n1_000\n"}},
	{"hexadecimal", "a f32[]", []string{"a\n0x1p-2\n"}},
	{"hexadecimal integer", "a i64[]", []string{"a\n0x10\n"}},
	{"a thousands separator", "a f32[]", []string{"a,b\n\"1,234\",2\n"}},
	{"two thousands separators", "a f32[]", []string{"a,b\n\"1,234,567\",2\n"}},
	{"a thousands separator in no quotes", "a f32[]", []string{"a,b\n1,234,2\n"}},
	{"a blank before a number", "b f32[]", []string{"a,b\n1, 2\n"}},
	{"a blank before a number, trimmed", "trim=true\nb f32[]", []string{"a,b\n1, 2\n"}},
	{"a blank inside a number", "a f32[]", []string{"a\n1 000\n"}},
	{"a blank in quotes isn't trimmed", "trim=true\na f32[]", []string{"a\n\" 1\"\n"}},
	{"a zero-width space", "a f32[]", []string{"a\n1\u200b\n"}},
	{"a no-break space", "a f32[]", []string{"a\n\u00a01\n"}},
	{"digits of another script", "a f32[]", []string{"a\n١٢\n"}},
	{"full-width digits", "a i64[]", []string{"a\n１２\n"}},
	{"a minus that isn't ASCII", "a f32[]", []string{"a\n−1\n"}},
	{"a percentage", "a f32[]", []string{"a\n5%\n"}},
	{"an amount of money", "a f32[]", []string{"a\n$5\n"}},
	{"a date", "a f32[]", []string{"a\n2024-01-02\n"}},
	{"two signs", "a f32[]", []string{"a\n--1\n"}},
	{"a sign alone", "a f32[]", []string{"a\n-\n"}},
	{"a point alone", "a f32[]", []string{"a\n.\n"}},
	{"an exponent alone", "a f32[]", []string{"a\ne5\n"}},
	{"an exponent that is cut", "a f32[]", []string{"a\n1e\n"}},
	{"an exponent with a fraction", "a f32[]", []string{"a\n1e1.5\n"}},
	{"all the ways to write a number", "a f64[]", []string{"a\n1\n+1\n-1\n007\n.5\n5.\n-.5\n1e3\n1E+3\n1e-3\n-0\n0.1\n"}},
	{"an empty number", "a f32[]", []string{"a,b\n,2\n"}},
	{"an empty integer", "a i64[]", []string{"a,b\n,2\n"}},
	{"a quoted empty number", "a f32[]", []string{"a,b\n\"\",2\n"}},
	{"a control sequence", "a f32[]", []string{"a\n\x1b[31m1\n"}},
	{"a very long word", "a f32[]", []string{"a\n" + strings.Repeat("x", 1000) + "\n"}},
	{"a very long number", "a f64[]", []string{"a\n0." + strings.Repeat("3", 1000) + "\n"}},

	{"integers beyond 2^53", "a i64[]", []string{"a\n9007199254740993\n9223372036854775807\n-9223372036854775808\n"}},
	{"an integer beyond 2^63", "a i64[]", []string{"a\n9223372036854775808\n"}},
	{"an integer below -2^63", "a i64[]", []string{"a\n-9223372036854775809\n"}},
	{"an integer of 30 digits", "a i64[]", []string{"a\n123456789012345678901234567890\n"}},
	{"the limits of i32", "a i32[]", []string{"a\n2147483647\n-2147483648\n"}},
	{"beyond i32", "a i32[]", []string{"a\n2147483648\n"}},
	{"the limits of u8", "a u8[]", []string{"a\n0\n255\n-0\n"}},
	{"beyond u8", "a u8[]", []string{"a\n256\n"}},
	{"below u8", "a u8[]", []string{"a\n-1\n"}},
	{"a fraction for an integer", "a i64[]", []string{"a\n3.7\n"}},
	{"a whole fraction for an integer", "a i64[]", []string{"a\n3.0\n"}},
	{"an exponent for an integer", "a i64[]", []string{"a\n1e3\n"}},
	{"the limits of f32", "a f32[]", []string{"a\n3.4028235e38\n-3.4028235e38\n1e-46\n"}},
	{"beyond f32", "a f32[]", []string{"a\n3.5e38\n"}},
	{"beyond f64", "a f64[]", []string{"a\n1e309\n"}},
	{"an enormous exponent", "a f64[]", []string{"a\n1e99999999999999999999\n"}},
	{"an enormous negative exponent", "a f64[]", []string{"a\n1e-99999999999999999999\n0e99999999999999999999\n"}},
	{"the limits of f16", "a f16[]", []string{"a\n65504\n-65504\n65519.99\n"}},
	{"beyond f16", "a f16[]", []string{"a\n65520\n"}},
	{"beyond bf16", "a bf16[]", []string{"a\n3.4e38\n"}},
	{"bools", "a bool[]", []string{"a\n0\n1\ntrue\nfalse\nTrue\nFALSE\n"}},
	{"another bool", "a bool[]", []string{"a\nyes\n"}},
	{"two for a bool", "a bool[]", []string{"a\n2\n"}},
	{"an empty bool", "a bool[]", []string{"a,b\n,1\n"}},

	{"labels that look like something else", "a i64[] classes=6", []string{"a\nNA\nnan\n1\n 1\nnull\ntrue\n"}},
	{"labels in two Unicode forms", "a i64[] classes=2", []string{"a\né\ne\u0301\n"}},
	{"an empty label", "a i64[] classes=2", []string{"a,b\nx,1\n,2\n"}},
	{"an empty label that is declared", "a i64[] classes=,x", []string{"a,b\nx,1\n,2\n"}},
	{"an empty label that is missing", "missing=\na i64[] classes=2 fill=text:none", []string{"a,b\nx,1\n,2\n"}},
	{"a label NA that is missing", "missing=NA\na i64[] classes=2 fill=drop", []string{"a,b\nx,1\nNA,2\n"}},
	{"labels of several columns", "x i64[2] columns=a,b classes=3", []string{"a,b\nx,y\nz,x\n"}},

	{"a missing value without a fill", "missing=,?\na f32[]", []string{"a,b\n1,2\n?,3\n"}},
	{"a missing value that is replaced", "missing=,?\na f32[] fill=7", []string{"a,b\n1,2\n?,3\n,4\n"}},
	{"a missing integer that is replaced", "missing=?\na u8[] fill=255", []string{"a,b\n1,2\n?,3\n"}},
	{"a missing bool that is replaced", "missing=?\na bool[] fill=1", []string{"a,b\n0,2\n?,3\n"}},
	{"a missing value for the mean", "missing=?\na f16[] fill=mean", []string{"a,b\n1,2\n?,3\n"}},
	{"a missing value for the median", "missing=?\na f64[] fill=median", []string{"a,b\n1,2\n?,3\n"}},
	{"rows that are dropped", "missing=?\na f32[] fill=drop\nb f32[] fill=drop", []string{"a,b\n1,2\n?,3\n?,?\n4,5\n6,?\n"}},
	{"one row that is dropped", "missing=?\nx f32[2] columns=a,b fill=drop", []string{"a,b\n1,2\n?,3\n"}},
	{"all rows are dropped", "missing=?\na f32[] fill=drop", []string{"a\n?\n"}},
	{"a fault in a row that is dropped", "missing=?\na f32[] fill=drop\nb f32[]", []string{"a,b\n1,2\n?,x\n"}},
	{"missing words of a field", "missing=?\na f32[] missing=-999 fill=0\nb i64[] classes=2", []string{"a,b\n-999,-999\n1,x\n"}},
	{"a missing word that isn't exact", "missing=NA\na f32[] fill=0", []string{"a\nna\n"}},
	{"a missing word with blanks", "missing=NA\na f32[] fill=0", []string{"a\n NA\n"}},
	{"a missing word with blanks, trimmed", "missing=NA trim=true\na f32[] fill=0", []string{"a\n NA\n"}},
	{"a quoted missing word", "missing=NA\na f32[] fill=0", []string{"a\n\"NA\"\n"}},

	{"several faults", "a f32[]\nb i64[]", []string{"a,b\nx,y\n1,2\n3\n4,5.5\n"}},
	{"faults in several files", "a f32[]", []string{"a\nx\n", "b\n1\n", "a\ny\n"}},
}

// outcome describes what a case gives: its notes, its faults or its values.
func outcome(t testing.TB, declared string, contents []string) string {
	d := decl(t, declared)
	if problems := csv.Kind.Check(d); problems != nil {
		var all []string
		for _, p := range problems {
			all = append(all, "  refused: "+p.Message+" ("+p.Help+")\n")
		}
		return strings.Join(all, "")
	}
	paths := written(t, contents...)
	in := tabletest.Input(d, paths...)
	var out strings.Builder
	here := func(s string) string { return strings.ReplaceAll(s, filepath.Dir(paths[0])+"/", "") }
	first := ""
	in.Fault = func(f *table.Fault) error {
		if first == "" {
			first = f.Error()
		}
		fmt.Fprintf(&out, "  %s\n", here(f.Error()))
		return nil
	}
	in.Note = func(note string) { fmt.Fprintf(&out, "  note: %s\n", here(note)) }
	opened, err := csv.Kind.Open(context.Background(), in)
	if first != "" {
		require.ErrorIs(t, err, table.ErrFaults, "a table with faults must not be kept")
		_, err := csv.Kind.Open(context.Background(), tabletest.Input(decl(t, declared), paths...))
		require.EqualError(t, err, first, "without a list of faults the first ends reading")
		require.True(t, errors.As(err, new(*table.Fault)))
		return out.String()
	}
	if err != nil {
		return out.String() + "  " + here(err.Error()) + "\n"
	}
	for i, f := range d.Fields {
		fmt.Fprintf(&out, "  %s = ", f.Name)
		if texts := opened.Column(i).Texts; f.Classes != nil {
			fmt.Fprintf(&out, "%q of %q\n", tabletest.Texts(t, opened, i), texts)
		} else if f.Type.DType.IsInt() {
			all := tabletest.Column(t, opened, i)
			for k := range all.Type.Shape.Numel() {
				fmt.Fprintf(&out, "%d ", all.Int(k))
			}
			out.WriteString("\n")
		} else {
			fmt.Fprintf(&out, "%v\n", tabletest.Floats(t, opened, i))
		}
	}
	return out.String()
}

func TestSmallFilesGiveWhatTheirPageSays(t *testing.T) {
	var page strings.Builder
	page.WriteString("What small CSV files give. Written by a test; see hostile_test.go.\n")
	for _, c := range small {
		if c.contents == nil {
			c.contents = []string{"a\n1\n"}
		}
		fmt.Fprintf(&page, "\n%s\n", c.name)
		for _, line := range strings.Split(c.declared, "\n") {
			fmt.Fprintf(&page, "  | %s\n", line)
		}
		for _, content := range c.contents {
			if len(content) > 100 {
				content = content[:50] + fmt.Sprintf("… (%d bytes)", len(content))
			}
			fmt.Fprintf(&page, "  %q\n", content)
		}
		page.WriteString(outcome(t, c.declared, c.contents))
	}
	goldentest.Equal(t, "testdata/small.txt", page.String())
}
