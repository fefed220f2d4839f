package images

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// A folder of photographs of 500 × 375 pixels, the size of ImageNet's, which become 224 ×
// 224: decoded, and opened again. The throughput is that of decoded pixels, 3 bytes each.
func BenchmarkImages(b *testing.B) {
	const n, width, height = 64, 500, 375
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		x, y := float64(i%width), float64(i/width)
		for c := range 3 {
			m.Pix[4*i+c] = uint8(128 + 80*math.Sin(x/30+float64(c))*math.Cos(y/20) + 40*math.Sin(x*y/900))
		}
		m.Pix[4*i+3] = 255
	}
	var photo bytes.Buffer
	require.NoError(b, jpeg.Encode(&photo, m, &jpeg.Options{Quality: 90}))
	dir := b.TempDir()
	for i := range n {
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.jpg", i)), photo.Bytes(), 0o600))
	}
	d := &table.Decl{Options: table.Options{}, Files: []table.File{{Path: dir}}, Fields: []table.Field{{Name: "x",
		Type: ir.Type{DType: ir.U8, Shape: ir.Shape{3, 224, 224}}, Options: table.Options{keyValue: {Value: valueImage}, keyResize: {Value: "crop"}}}}}
	for _, cached := range []bool{false, true} {
		o := &opener{}
		name := "decoded"
		if cached {
			o.cache, name = b.TempDir(), "again"
			tab, err := o.open(d)
			require.NoError(b, err)
			require.NoError(b, tab.Close())
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(n * width * height * 3)
			for b.Loop() {
				tab, err := o.open(d)
				require.NoError(b, err)
				require.NoError(b, tab.Close())
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
