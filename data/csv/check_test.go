package csv_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
)

func TestADeclarationIsCheckedWithoutItsFiles(t *testing.T) {
	for declared, want := range map[string]string{
		"delimiter=ab\na f32[]":                      `delimiter: "ab" can't be a delimiter`,
		"delimiter=\na f32[]":                        `delimiter: "" can't be a delimiter`,
		"delimiter=¦\na f32[]":                       "",
		"quote=ab\na f32[]":                          `quote: "ab" is not one character`,
		"quote=\na f32[]":                            "",
		"quote=,\na f32[]":                           `quote and delimiter are both ","`,
		"x f32[2] column=a":                          "field x: 1 column for 2 elements: f32[2]",
		"x f32[1] column=a":                          "",
		"x f32[2]":                                   "field x: 1 column for 2 elements: f32[2]",
		"x f32[2,2] columns=a,b,c":                   "field x: 3 columns for 4 elements: f32[2, 2]",
		"x f32[2,2] columns=a,b,c,d":                 "",
		"x f32[0] columns=a":                         "field x: 1 column for 0 elements: f32[0]",
		"x f32[2] columns=a,a":                       `field x: column "a" is listed twice`,
		"x f32[1] columns=a column=a":                "field x: both column and columns",
		"header=false\nx f32[]":                      `field x: "x" is not the number of a column`,
		"header=false\nx f32[] column=0":             `field x: "0" is not the number of a column`,
		"header=false\nx f32[] column=01":            `field x: "01" is not the number of a column`,
		"header=false\nx f32[] column=1":             "",
		"header=false\nx f32[3] columns=1..4":        "field x: 4 columns for 3 elements: f32[3]",
		"header=false\nx f32[4] columns=1..4":        "",
		"header=false\nx f32[4] columns=4..1":        `field x: "4..1" is not the number of a column`,
		"header=false\nx f32[4] columns=1..99999999": `field x: "1..99999999" is not the number of a column`,
		"x f32[4] columns=a..d":                      "",

		"a f32[] fill=mean":                                 "field a: fill has nothing to fill, as no word means a missing value",
		"missing=?\na f32[] fill=mean":                      "",
		"missing=?\na i64[] fill=mean":                      "field a: the mean of i64 values is no i64 in general",
		"missing=?\na bool[] fill=median":                   "field a: the median of bool values is no bool in general",
		"missing=?\na i64[] classes=3 fill=mean":            "field a: classes have no mean",
		"missing=?\na i64[] classes=3 fill=1":               "field a: 1 is a number, and its values are texts",
		"missing=?\na i64[] classes=3 fill=text:x":          "",
		"missing=?\na i64[] classes=red,blue fill=text:rad": `field a: "rad" is none of its classes`,
		"missing=?\na f32[] fill=text:x":                    `field a: "x" is a text, and its values are numbers`,
		"missing=?\na i64[] fill=1.5":                       "field a: 1.5 is no i64 (-9223372036854775808 to 9223372036854775807)",
		"missing=?\na u8[] fill=256":                        "field a: 256 is no u8 (0 to 255)",
		"missing=?\na u8[] fill=255":                        "",
		"missing=?\na bool[] fill=2":                        "field a: 2 is no bool (0 to 1)",
		"missing=?\na f16[] fill=65520":                     "field a: 65520 is out of the range of f16 (-65504 to 65504)",
		"missing=?\na f16[] fill=65504":                     "",
		"a f32[] missing=? fill=drop":                       "",
	} {
		problems := csv.Kind.Check(decl(t, declared))
		if want == "" {
			require.Empty(t, problems, declared)
			continue
		}
		require.Len(t, problems, 1, declared)
		require.Equal(t, want, problems[0].Message, declared)
	}
}
