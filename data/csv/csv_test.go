package csv_test

import (
	"context"
	"testing"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
)

// decl makes a declaration; see tabletest.Decl.
func decl(t testing.TB, text string) *table.Decl { return tabletest.Decl(t, "csv", text) }

// written writes files into a folder and gives their paths.
func written(t testing.TB, contents ...string) []string {
	return tabletest.Written(t, "csv", contents...)
}

// openAt opens files.
func openAt(d *table.Decl, paths ...string) (table.Table, error) {
	return csv.Kind.Open(context.Background(), tabletest.Input(d, paths...))
}
