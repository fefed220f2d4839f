// A program that translates its standard input to its standard output, for a purpose.
// Errors go to its standard error, with exit status 1.
//
//   to_cpp running|attributes|opencl

#include "to_cpp.h"

#include <string.h>

#include <iostream>
#include <iterator>

int main(int count, char **arguments) {
    const char *names[] = {"running", "attributes", "opencl"};
    for (int i = 0; i < 3; i++) {
        if (count != 2 || strcmp(arguments[1], names[i]) != 0) {
            continue;
        }
        std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
        std::string error, cpp = metal_to_cpp(text, (metal_purpose)i, &error);
        std::cout << cpp;
        std::cerr << error;
        return error.empty() ? 0 : 1;
    }
    std::cerr << "usage: to_cpp running|attributes|opencl\n";
    return 2;
}
