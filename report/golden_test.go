package report

import (
	"path/filepath"
	"testing"

	"github.com/flowrun/flowrun/internal/goldentest"
)

// golden compares got with testdata/NAME.
func golden(t *testing.T, name, got string) {
	t.Helper()
	goldentest.Equal(t, filepath.Join("testdata", name), got)
}
