package csv_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
)

func TestFilesFollowEachOtherInTheOrderOfTheDeclaration(t *testing.T) {
	paths := written(t, "a,b\n1,x\n", "b,a\ny,2\n", "c,a,b\n0,3,z\n")
	opened, err := openAt(decl(t, "a f32[]\nb i64[] classes=3"), paths[2], paths[0], paths[1])
	require.NoError(t, err)
	require.Equal(t, []float64{3, 1, 2}, tabletest.Floats(t, opened, 0))
	require.Equal(t, []string{"z", "x", "y"}, tabletest.Texts(t, opened, 1))
	require.Equal(t, table.Place{File: paths[0], Row: 2, Column: "b"}, opened.At(1, 1))

	opened, err = openAt(decl(t, "a f32[]"), filepath.Join(filepath.Dir(paths[0]), "*.csv"))
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 3}, tabletest.Floats(t, opened, 0))

	_, err = openAt(decl(t, "a f32[]"), paths[0], filepath.Join(filepath.Dir(paths[0]), "*.csv"))
	require.EqualError(t, err, paths[0]+` is named twice, by "a.csv" and "*.csv"; to draw its examples more often, mix it with a weight`)
	_, err = openAt(decl(t, "a f32[]"), filepath.Dir(paths[0]))
	require.EqualError(t, err, filepath.Dir(paths[0])+" is a folder; name its files, or give a pattern for their names")
	_, err = openAt(decl(t, "a f32[]"), "no such file")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAnExampleHasThePlaceOfItsRow(t *testing.T) {
	opened, err := openAt(decl(t, "missing=?\nx f32[3] columns=a..c fill=drop\ny f32[5] columns=a,b,c,d,e\nz i64[] column=e classes=9"),
		written(t, "a,b,c,d,e\n1,1,1,1,\"x\n\ny\"\n?,1,1,1,x\n2,2,2,2,2\n")...)
	require.ErrorContains(t, err, `:2, column "e": "x\n\ny" is not a number`)
	require.Nil(t, opened)
	opened, err = openAt(decl(t, "missing=?\nx f32[3] columns=a..c fill=drop\ny f32[5] columns=d,b,c,d2,f\nz i64[] column=e classes=9"),
		written(t, "a,b,c,d,e,d2,f\n1,1,1,1,\"x\n\ny\",1,1\n?,1,1,1,x,1,1\n2,2,2,2,2,2,2\n")...)
	require.NoError(t, err)
	require.Equal(t, int64(2), opened.Len())
	at := func(row int64, column string) table.Place {
		return table.Place{File: opened.At(0, 0).File, Row: row, Column: column}
	}
	require.Equal(t, at(2, "e"), opened.At(0, 2))
	require.Equal(t, at(6, "a, b, c"), opened.At(1, 0))
	require.Equal(t, at(6, "d, …, f"), opened.At(1, 1))
	require.Equal(t, at(6, "d2"), opened.(table.Sequenced).ElementAt(1, 1, 3))
}

func TestFieldsThatNobodyAsksForNeedNoColumn(t *testing.T) {
	d := decl(t, "x f32[2] columns=a,b\ny i64[] column=label classes=3")
	d.Fields = d.Fields[:1]
	opened, err := openAt(d, written(t, "b,a\n1,2\n")...)
	require.NoError(t, err)
	require.Equal(t, []float64{2, 1}, tabletest.Floats(t, opened, 0))
}

func TestTheFingerprintFollowsContentAndDeclaration(t *testing.T) {
	print := func(declared string, contents ...string) string {
		opened, err := openAt(decl(t, declared), written(t, contents...)...)
		require.NoError(t, err)
		return opened.Fingerprint()
	}
	base := print("missing=?\na f32[] fill=1", "a,b\n1,2\n")
	require.Equal(t, base, print("missing=?\na f32[] fill=1", "a,b\n1,2\n"), "the folder is another")
	for _, other := range []string{
		print("missing=?\na f32[] fill=1", "a,b\n1,3\n"),
		print("missing=?\na f32[] fill=1", "a,b\n1,2\n", "a\n1\n"),
		print("missing=?\na f32[] fill=2", "a,b\n1,2\n"),
		print("missing=x\na f32[] fill=1", "a,b\n1,2\n"),
		print("missing=?\na f64[] fill=1", "a,b\n1,2\n"),
		print("missing=?\na f32[] column=b fill=1", "a,b\n1,2\n"),
		print("missing=? trim=true\na f32[] fill=1", "a,b\n1,2\n"),
		print("missing=?\na i64[] classes=2 fill=drop", "a,b\n1,2\n"),
	} {
		require.NotEqual(t, base, other)
	}
}

func TestAFileThatChangesBetweenItsHashAndItsReadingIsAnError(t *testing.T) {
	paths := written(t, "a\n1\n")
	in := tabletest.Input(decl(t, "a f32[]"), paths...)
	prepare := in.Prepare
	in.Prepare = func(ctx context.Context, key string, columns []table.Column, fill func(table.Writer) error) (table.Prepared, error) {
		require.NoError(t, os.WriteFile(paths[0], []byte("a\n2\n"), 0o600))
		return prepare(ctx, key, columns, fill)
	}
	_, err := csv.Kind.Open(context.Background(), in)
	require.ErrorContains(t, err, paths[0])
	require.ErrorContains(t, err, "changed")
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := csv.Kind.Open(ctx, tabletest.Input(decl(t, "a f32[]"), written(t, "a\n1\n")...))
	require.ErrorIs(t, err, context.Canceled)
}

func TestAListOfFaultsMayEndReading(t *testing.T) {
	in := tabletest.Input(decl(t, "a f32[]"), written(t, "a\nx\ny\nz\n")...)
	seen := 0
	enough := os.ErrClosed
	in.Fault = func(*table.Fault) error {
		if seen++; seen == 2 {
			return enough
		}
		return nil
	}
	_, err := csv.Kind.Open(context.Background(), in)
	require.ErrorIs(t, err, enough)
	require.Equal(t, 2, seen)
}

func TestDifferentTextsAreBounded(t *testing.T) {
	const most = 1 << 20
	var content strings.Builder
	content.WriteString("a\n")
	for i := range most {
		fmt.Fprintf(&content, "%x\n", i)
	}
	content.WriteString("one more\n")
	path := written(t, content.String())[0]
	_, err := openAt(decl(t, "a i64[] classes=2"), path)
	require.EqualError(t, err, path+`:1048578, column "a": more than 1048576 different texts, or more than 64.0 MiB of them; is this column one of classes?`)
	opened, err := openAt(decl(t, fmt.Sprintf("a i64[] classes=%d", most+1)), path)
	require.NoError(t, err)
	require.Len(t, opened.Column(0).Texts, most+1)
}
