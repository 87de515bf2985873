# Libraries from the distribution, each behind one name.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CLI11 REQUIRED)
find_package(doctest REQUIRED)
find_package(rapidcheck REQUIRED)

# The libraries' own headers are not held to our warnings.
foreach(target Boost::headers Boost::json fmt::fmt spdlog::spdlog PkgConfig::yaml PkgConfig::sqlite
        PkgConfig::re2 CURL::libcurl CLI11::CLI11 doctest::doctest rapidcheck)
    if(TARGET ${target})
        get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
        if(directories)
            set_target_properties(${target} PROPERTIES
                INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${directories}")
        endif()
    endif()
endforeach()
