# serin_layer(engine USES model judge LINKS fmt::fmt): one static library per folder of src/.
# Its include root holds one link, engine -> src/engine, so a layer can include itself and the
# layers it names, and the compiler refuses every other include. LINKS are private libraries,
# EXPORTS those whose headers its own headers include.
function(serin_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;LINKS;EXPORTS")
    set(root "${PROJECT_BINARY_DIR}/include/${name}")
    file(MAKE_DIRECTORY "${root}")
    file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}/${name}" "${root}/${name}" SYMBOLIC)

    file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${name}/*.h")
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${name}/*.cc")
    set(tests ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.cc$")
    list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")
    list(TRANSFORM headers REPLACE "^${CMAKE_CURRENT_SOURCE_DIR}" "${root}")
    list(TRANSFORM arg_USES PREPEND "serin_")

    if(NOT sources)  # A layer of headers alone.
        add_library(serin_${name} INTERFACE)
        target_include_directories(serin_${name} INTERFACE "${root}")
        target_link_libraries(serin_${name} INTERFACE ${arg_USES} ${arg_EXPORTS})
        return()
    endif()
    add_library(serin_${name} STATIC ${sources})
    target_sources(serin_${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${root}" FILES ${headers})
    target_link_libraries(serin_${name}
        PUBLIC ${arg_USES} ${arg_EXPORTS} PRIVATE serin_flags_strict ${arg_LINKS})

    if(tests)
        # The whole archive is linked, so a layer that needs what it does not name fails here.
        add_executable(${name}_test ${tests})
        # Optimising what is run once costs more than it saves.
        set_source_files_properties(${tests} PROPERTIES COMPILE_OPTIONS "-O0")
        target_link_libraries(${name}_test PRIVATE
            "$<LINK_LIBRARY:WHOLE_ARCHIVE,serin_${name}>" serin_flags_strict serin_test_main
            ${arg_LINKS})
        add_test(NAME ${name} COMMAND ${name}_test)
        set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
    endif()
endfunction()
