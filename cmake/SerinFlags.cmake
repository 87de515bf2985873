# The warnings every target of ours is held to, and the sanitizers of the debug presets.
add_library(serin_flags_strict INTERFACE)
target_compile_options(serin_flags_strict INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
    -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2 -Wimplicit-fallthrough
    -Wextra-semi -Wswitch-enum -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(serin_flags_strict INTERFACE
        -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wuseless-cast
        # When it optimises, GCC 12 sees overlapping copies in std::string code that has none (its
        # bug 105651) and members of empty optionals read that are not (its bug 80635).
        -Wno-restrict -Wno-maybe-uninitialized)
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # libstdc++ 12 uses in its algorithms what it calls deprecated.
    target_compile_options(serin_flags_strict INTERFACE -Wno-deprecated-declarations)
endif()

set(SERIN_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")
if(SERIN_SANITIZE)
    add_compile_options(-fsanitize=${SERIN_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SERIN_SANITIZE})
    if(SERIN_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan)
    endif()
endif()

option(SERIN_FUZZ "Build for libFuzzer (needs clang)" OFF)
if(SERIN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Messages and debug information name files as the repository does, whatever folder it lies in.
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")

find_program(SERIN_CCACHE ccache)
if(SERIN_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${SERIN_CCACHE}")
endif()
find_program(SERIN_MOLD mold)
if(SERIN_MOLD)
    add_link_options(-fuse-ld=mold)
endif()
