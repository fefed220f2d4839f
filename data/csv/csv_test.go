package csv_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
	"github.com/flowrun/flowrun/ir"
)

// decl makes a declaration from lines such as these:
//
//	header=false missing=,NA
//	x f32[2] columns=a,b fill=mean
//	y i64[] column=species classes=3
func decl(t testing.TB, text string) *table.Decl {
	d := &table.Decl{Name: "data", Kind: "csv", Options: table.Options{}}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		options := table.Options{}
		f := table.Field{Options: options}
		for i, word := range words {
			key, value, ok := strings.Cut(word, "=")
			value = strings.NewReplacer(`\t`, "\t", `\s`, " ").Replace(value)
			var v any = value
			switch {
			case !ok && i == 0:
				f.Name = word
				continue
			case !ok:
				name, shape, _ := strings.Cut(strings.TrimSuffix(word, "]"), "[")
				dtype, known := ir.ParseDType(name)
				require.True(t, known, word)
				f.Type.DType = dtype
				for dim := range strings.SplitSeq(shape, ",") {
					if dim != "" {
						n, err := strconv.Atoi(dim)
						require.NoError(t, err)
						f.Type.Shape = append(f.Type.Shape, n)
					}
				}
				continue
			case key == "header" || key == "trim":
				v = value == "true"
			case key == "missing" || key == "columns":
				v = strings.Split(value, ",")
			case key == "classes":
				f.Classes = &table.Classes{Unknown: -1}
				var err error
				if f.Classes.Count, err = strconv.Atoi(value); err != nil {
					f.Classes.Names = strings.Split(value, ",")
					f.Classes.Count = len(f.Classes.Names)
				}
				continue
			case key == "fill":
				f.Fill.By = table.FillBy(value)
				if n, err := strconv.ParseFloat(value, 64); err == nil {
					f.Fill = table.Fill{By: table.FillValue, Value: n}
				} else if rest, is := strings.CutPrefix(value, "text:"); is {
					f.Fill = table.Fill{By: table.FillText, Text: rest}
				}
				continue
			}
			options[key] = table.Option{Value: v}
		}
		if f.Name != "" {
			d.Fields = append(d.Fields, f)
		} else {
			for key, v := range options {
				d.Options[key] = v
			}
		}
	}
	return d
}

// written writes files into a folder and gives their paths.
func written(t testing.TB, contents ...string) (paths []string) {
	folder := t.TempDir()
	for i, content := range contents {
		path := filepath.Join(folder, fmt.Sprintf("%c.csv", 'a'+i))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		paths = append(paths, path)
	}
	return paths
}

// openAt opens files.
func openAt(d *table.Decl, paths ...string) (table.Table, error) {
	return csv.Kind.Open(context.Background(), tabletest.Input(d, paths...))
}
