package opencl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/kernels"
)

// anonymous is how compilers that don't heed #line write a place: by the line in
// the joined text. NVIDIA's says <kernel>:12.
var anonymous = regexp.MustCompile(`<[a-z ]+>:(\d+)`)

// located gives a compiler's log, on a line of its own, with the places in it
// brought back to the files.
func located(log string, files []kernels.File) string {
	log = strings.TrimSpace(log)
	if log == "" {
		return ""
	}
	return "\n" + anonymous.ReplaceAllStringFunc(log, func(place string) string {
		line, err := strconv.Atoi(anonymous.FindStringSubmatch(place)[1])
		if err != nil {
			return place
		}
		for _, f := range files {
			lines := strings.Count(f.Text, "\n") + 2 // #line and the end of the last line besides
			if line <= lines {
				return fmt.Sprintf("%s:%d", f.Name, line-1)
			}
			line -= lines
		}
		return place
	})
}
