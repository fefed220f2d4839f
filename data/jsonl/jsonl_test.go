package jsonl_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/jsonl"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
)

// small are small files, most of them with something wrong, and what they are read as.
// testdata/small.txt says what they give.
var small = []tabletest.Case{
	{"the simplest file", "a f32[]", []string{`{"a": 1}`}},
	{"several files", "a f32[]", []string{"{\"a\": 1}\n{\"a\": 2}\n", "{\"b\": 0, \"a\": 3}\n"}},
	{"an empty file", "a f32[]", []string{""}},
	{"CR LF and blanks", "a f32[]", []string{" { \"a\" :\t1 } \r\n{\"a\":2}\r\n"}},
	{"a byte order mark", "a f32[]", []string{"\ufeff{\"a\": 1}\n"}},
	{"a blank line", "a f32[]", []string{"{\"a\": 1}\n\n{\"a\": 2}\n"}},
	{"a blank line at the end", "a f32[]", []string{"{\"a\": 1}\n \n"}},
	{"UTF-16", "a f32[]", []string{"\xff\xfe{\x00}\x00"}},
	{"Latin-1", "a f32[]", []string{"{\"a\": 1}\n{\"a\": 1, \"b\": \"caf\xe9\"}\n"}},
	{"a NUL byte", "a f32[]", []string{"{\"a\": 1}\x00\n"}},
	{"gzip", "a f32[]", []string{"\x1f\x8b\x08\x00\x00\x00\x00\x00"}},
	{"no JSON", "a f32[]", []string{"a,b\n1,2\n"}},
	{"cut off", "a f32[]", []string{"{\"a\": 1}\n{\"a\": "}},
	{"an object over several lines", "a f32[]", []string{"{\n  \"a\": 1\n}\n"}},
	{"an array of objects", "a f32[]", []string{`[{"a": 1}, {"a": 2}]`}},
	{"two objects in a line", "a f32[]", []string{`{"a": 1} {"a": 2}`}},
	{"a trailing comma", "a f32[]", []string{`{"a": 1,}`}},
	{"single quotes", "a f32[]", []string{`{'a': 1}`}},
	{"a comment", "a f32[]", []string{"{\"a\": 1} // one\n"}},
	{"a number alone", "a f32[]", []string{"1\n"}},
	{"null alone", "a f32[]", []string{"null\n"}},
	{"deep nesting beside the field", "a f32[]", []string{`{"b": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `, "a": 1}`}},
	{"nesting that is too deep", "a f32[]", []string{`{"b": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `, "a": 1}`}},
	{"faults in several lines", "a f32[]\nb i64[]", []string{"{\"a\": 1, \"b\": 2}\n{\"a\": \"x\", \"b\": 0.5}\n{]\n{\"a\": 1}\n"}},

	{"numbers", "a f64[]", []string{"{\"a\": -0.5e-3}\n{\"a\": 1E+2}\n{\"a\": -0}\n"}},
	{"NaN", "a f32[]", []string{`{"a": NaN}`}},
	{"-Infinity", "a f32[]", []string{`{"b": 1, "a": -Infinity}`}},
	{"None", "a f32[]", []string{`{"a": None}`}},
	{"a plus", "a f32[]", []string{`{"a": +1}`}},
	{"a leading zero", "a f32[]", []string{`{"a": 01}`}},
	{"a point without digits", "a f32[]", []string{`{"a": 1.}`}},
	{"a number as a string", "a f32[]", []string{`{"a": "1"}`}},
	{"a bool as a number", "a f32[]", []string{`{"a": true}`}},
	{"beyond f32", "a f32[]", []string{`{"a": 1e39}`}},
	{"beyond f64", "a f64[]", []string{`{"a": 1e309}`}},
	{"the limits of f16", "a f16[]", []string{"{\"a\": 65504}\n{\"a\": 65519.999}\n"}},
	{"integers beyond 2^53", "a i64[]", []string{"{\"a\": 9007199254740993}\n{\"a\": -9223372036854775808}\n"}},
	{"an integer beyond 2^63", "a i64[]", []string{`{"a": 9223372036854775808}`}},
	{"beyond u8", "a u8[]", []string{"{\"a\": 255}\n{\"a\": 256}\n"}},
	{"a fraction for an integer", "a i64[]", []string{`{"a": 3.7}`}},
	{"a whole fraction for an integer", "a i64[]", []string{`{"a": 3.0}`}},
	{"an exponent for an integer", "a i64[]", []string{`{"a": 1e3}`}},
	{"bools", "a bool[]", []string{"{\"a\": true}\n{\"a\": false}\n"}},
	{"a number as a bool", "a bool[]", []string{`{"a": 1}`}},
	{"a string as a bool", "a bool[]", []string{`{"a": "true"}`}},

	{"classes", "a i64[] classes=3", []string{"{\"a\": \"x\"}\n{\"a\": \"\"}\n{\"a\": \"NA\"}\n{\"a\": \"x\"}\n"}},
	{"classes with escapes", "a i64[] classes=4", []string{`{"a": "\u00e9\ud834\udd1e\n\"\\\/"}`}},
	{"half of a surrogate pair", "a i64[] classes=4", []string{`{"a": "\ud834"}`}},
	{"the other half", "a i64[] classes=4", []string{`{"a": "x\udd1e"}`}},
	{"two first halves", "a i64[] classes=4", []string{`{"a": "\ud834\ud834"}`}},
	{"half of a surrogate pair elsewhere", "a f32[]", []string{`{"b": "\ud834", "\ud834": 1, "a": 1}`}},
	{"a number as a class", "a i64[] classes=4", []string{`{"a": 1}`}},

	{"a key in another case", "a f32[]", []string{`{"A": 1}`}},
	{"a key in both cases", "a f32[]", []string{`{"A": 1, "a": 2}`}},
	{"a misspelled key", "petal_length f32[]", []string{`{"petal_lenght": 1, "b": 2}`}},
	{"a key with escapes", "x f32[] key=é", []string{`{"\u00e9": 1}`}},
	{"a key with a point", "x f32[] key=a.b", []string{`{"a.b": 1}`}},
	{"an empty key", "x f32[] key=", []string{`{"": 1}`}},
	{"a key twice", "a f32[]", []string{`{"a": 1, "b": 2, "a": 1}`}},
	{"a key twice, once escaped", "a f32[]", []string{`{"a": 1, "\u0061": 1}`}},
	{"a key twice that nothing uses", "a f32[]", []string{`{"b": 1, "b": 2, "a": 1}`}},
	{"a path", "x f32[] key=a,b\ny f32[] key=a,c", []string{`{"a": {"b": 1, "c": 2}}`}},
	{"a path with a key twice", "x f32[] key=a,b\ny f32[] key=a,c", []string{`{"a": {"b": 1}, "a": {"c": 2}}`}},
	{"a path that ends early", "x f32[] key=a,b", []string{`{"a": 1}`}},
	{"a path without its end", "x f32[] key=a,b", []string{`{"a": {"c": 1}, "b": 2}`}},
	{"two fields of one key", "x f32[] key=a\ny i64[] key=a", []string{`{"a": 1}`}},
	{"a field and a path of one key", "x f32[] key=a\ny i64[] key=a,b", []string{`{"a": 1}`}},

	{"arrays", "a f32[2,3]", []string{`{"a": [[1, 2, 3], [4, 5, 6]]}`}},
	{"an array of one", "a f32[1]", []string{`{"a": [1]}`}},
	{"an empty array", "a f32[0]\nb f32[]", []string{`{"a": [ ], "b": 1}`}},
	{"an array of empty arrays", "a f32[2,0]\nb f32[]", []string{`{"a": [[], []], "b": 1}`}},
	{"a number for an array of one", "a f32[1]", []string{`{"a": 1}`}},
	{"an array of one for a number", "a f32[]", []string{`{"a": [1]}`}},
	{"an array that is too short", "a f32[3]", []string{"{\"a\": [1, 2]}\n{\"a\": [1, 2, 3]}\n"}},
	{"an array that is too long", "a f32[3]", []string{`{"a": [1, 2, 3, [4, {"x": "]"}]], "b": 1}`}},
	{"ragged arrays", "a f32[2,2]", []string{`{"a": [[1, 2], [3]], "b": 1}`}},
	{"a flat array for a nested one", "a f32[2,2]\nb f32[]", []string{`{"a": [1, 2, 3, 4], "b": "x"}`}},
	{"a nested array for a flat one", "a f32[4]", []string{`{"a": [[1, 2], [3, 4]]}`}},
	{"an array of classes", "a i64[2] classes=3", []string{`{"a": ["x", "y"]}`}},

	{"null", "a f32[]", []string{`{"a": null}`}},
	{"an absent key", "a f32[]", []string{`{}`}},
	{"null and absent, replaced", "a f32[] fill=7\nb i64[] fill=-1\nc bool[] fill=1\nd i64[] classes=2 fill=text:none", []string{"{\"a\": null, \"b\": null, \"c\": null, \"d\": null}\n{}\n{\"a\": 1, \"b\": 2, \"c\": false, \"d\": \"x\"}\n"}},
	{"missing elements for the mean", "a f32[3] fill=mean", []string{"{\"a\": [1, null, 3]}\n{\"a\": null}\n"}},
	{"a missing element without a fill", "a f32[3]", []string{`{"a": [1, null, 3]}`}},
	{"rows that are dropped", "a f32[2] fill=drop\nb f32[] key=c,d fill=drop", []string{"{\"a\": null, \"c\": {\"d\": 1}}\n{\"a\": [1, 2], \"c\": null}\n{\"a\": [1, null]}\n{\"a\": [1, 2], \"c\": {\"d\": 3}}\n"}},
	{"all rows are dropped", "a f32[] fill=drop", []string{"{}\n{}\n"}},
}

func TestSmallFilesGiveWhatTheirPageSays(t *testing.T) {
	tabletest.Page(t, jsonl.Kind, "testdata/small.txt", small)
}

func TestADeclarationIsCheckedWithoutItsFiles(t *testing.T) {
	for declared, want := range map[string]string{
		"a f32[] key=x,y":          "",
		"a f32[] fill=mean":        "",
		"a i64[] fill=mean":        "field a: the mean of i64 values is no i64 in general",
		"a u8[] fill=256":          "field a: 256 is no u8 (0 to 255)",
		"a i64[] classes=2 fill=1": "field a: 1 is a number, and its values are texts",
	} {
		problems := jsonl.Kind.Check(tabletest.Decl(t, "jsonl", declared))
		if want == "" {
			require.Empty(t, problems, declared)
			continue
		}
		require.Len(t, problems, 1, declared)
		require.Equal(t, want, problems[0].Message, declared)
	}
	d := tabletest.Decl(t, "jsonl", "a f32[]")
	d.Fields[0].Options = tabletest.Options(map[string]any{"key": []string{}})
	require.Equal(t, "field a: key is empty", jsonl.Kind.Check(d)[0].Message)
}

func TestAnExampleHasThePlaceOfItsLine(t *testing.T) {
	opened, err := jsonl.Kind.Open(context.Background(), tabletest.Input(
		tabletest.Decl(t, "jsonl", "x f32[2,1] key=a,b fill=drop"),
		tabletest.Written(t, "jsonl", "{}\n{\"a\": {\"b\": [[1], [2]]}}\n")...))
	require.NoError(t, err)
	require.Equal(t, int64(2), opened.At(0, 0).Row)
	require.Equal(t, "a.b[1][0]", opened.(table.Sequenced).ElementAt(0, 0, 1).Column)
}

func TestLinesOfAnyLengthAreRead(t *testing.T) {
	for _, size := range []int{64 << 10, 256 << 10, 256<<10 + 1, 5 << 20} {
		padding := strings.Repeat("x", size)
		opened, err := jsonl.Kind.Open(context.Background(), tabletest.Input(tabletest.Decl(t, "jsonl", "a f32[]"),
			tabletest.Written(t, "jsonl", "{\"a\": 1}\n{\"b\": \""+padding+"\", \"a\": 2}\n{\"a\": 3}")...))
		require.NoError(t, err)
		require.Equal(t, []float64{1, 2, 3}, tabletest.Floats(t, opened, 0))
	}
}
