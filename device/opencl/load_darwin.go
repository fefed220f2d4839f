//go:build !nogpu && (amd64 || arm64)

package opencl

var libraryNames = []string{"/System/Library/Frameworks/OpenCL.framework/OpenCL"}
