//go:build !nogpu && (amd64 || arm64)

package opencl

var libraryNames = []string{"libOpenCL.so.1", "libOpenCL.so"}
