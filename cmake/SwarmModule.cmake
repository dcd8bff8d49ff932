# How modules are built, by one rule for this tree and for strangers' trees:
# find_package(Swarm) brings this same file.
#
#   swarm_add_module(NAME SOURCE...)    NAME.so, nothing installed
#   swarm_add_plugin(NAME SOURCE...)    the same, plus its include/ folder, its
#                                       manual NAME.7, templates/ for
#                                       `swarm new`, and where they install
#   swarm_add_scenario(NAME SOURCE...)  the same, installed with its source
#   swarm_add_test(NAME [HOST] [MODULE module] SOURCE...)
#                                       a cmocka program, if cmocka is there
#   swarm_add_cases(NAME PLUGIN SOURCE...)  a test module (<swarm/test.h>) for
#                                       that plugin, run by `swarm test`
include_guard(GLOBAL)
include(GNUInstallDirs)

if(NOT DEFINED SWARM_PLUGIN_DIR)
	set(SWARM_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/swarm/plugins)
endif()
if(NOT DEFINED SWARM_SCENARIO_DIR)
	set(SWARM_SCENARIO_DIR ${CMAKE_INSTALL_LIBDIR}/swarm/scenarios)
endif()

set(SWARM_MODULE_MAP ${CMAKE_CURRENT_LIST_DIR}/module.map)

# One name exported, no "lib" prefix, never unloaded.  Wrong prototypes are
# errors, because the linker cannot find them in a shared object.  No tail
# calls: the return address tells whose message a log line is.  No stubs for
# calls out: a module is bound when it is opened, and between two system calls
# each of them is one more line of code to be fetched.
function(swarm_add_module name)
	add_library(${name} MODULE ${ARGN})
	target_link_libraries(${name} PRIVATE Swarm::sdk)
	set_target_properties(${name} PROPERTIES
		PREFIX "" SUFFIX ".so"
		C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden
		VISIBILITY_INLINES_HIDDEN ON)
	target_compile_options(${name} PRIVATE
		$<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration
			-Werror=incompatible-pointer-types -Werror=int-conversion>
		-Wall -Wextra -g -fno-omit-frame-pointer -fno-plt
		-fno-optimize-sibling-calls)
	target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
	# The map, because visibility does not bind the templates of C++'s own
	# library.
	target_link_options(${name} PRIVATE -Wl,-z,nodelete
		-Wl,--exclude-libs,ALL
		-Wl,--version-script=${SWARM_MODULE_MAP})
	set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS
		${SWARM_MODULE_MAP})
	# In swarm's own tree: its warnings, and the other plugins' headers,
	# which strangers find in the installed include folder.
	if(TARGET swarm_flags)
		target_link_libraries(${name} PRIVATE swarm_flags
			swarm_plugin_headers)
	endif()
endfunction()

function(swarm_add_plugin name)
	swarm_add_module(${name} ${ARGN})
	# The build tree's swarm looks for plugins/NAME/NAME.so beside itself.
	set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY
		${CMAKE_BINARY_DIR}/plugins/${name})
	install(TARGETS ${name} LIBRARY DESTINATION ${SWARM_PLUGIN_DIR})
	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include)
		target_include_directories(${name} PRIVATE
			${CMAKE_CURRENT_SOURCE_DIR}/include)
	endif()
	# In swarm's own tree the SDK installs them, built or not.
	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include AND
			NOT TARGET swarm_plugin_headers)
		install(DIRECTORY include/ DESTINATION
			${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
	endif()
	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.7)
		install(FILES ${name}.7
			DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
		# Beside the module, where `swarm check` looks for it.
		configure_file(${name}.7
			${CMAKE_BINARY_DIR}/plugins/${name}/${name}.7 COPYONLY)
	endif()
	file(GLOB templates CONFIGURE_DEPENDS
		RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} templates/*.c)
	foreach(template ${templates})
		configure_file(${template}
			${CMAKE_BINARY_DIR}/share/swarm/${template} COPYONLY)
		install(FILES ${template} DESTINATION
			${CMAKE_INSTALL_DATADIR}/swarm/templates)
	endforeach()
endfunction()

function(swarm_add_scenario name)
	swarm_add_module(scenario_${name} ${ARGN})
	set_target_properties(scenario_${name} PROPERTIES OUTPUT_NAME ${name}
		LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/scenarios)
	install(TARGETS scenario_${name}
		LIBRARY DESTINATION ${SWARM_SCENARIO_DIR})
	install(FILES ${ARGN}
		DESTINATION ${CMAKE_INSTALL_DATADIR}/swarm/scenarios)
endfunction()

# Sources of a module as it has compiled them: what a test of them is linked
# with, so that nothing is compiled twice.  A source that is not the module's
# stays what it is.
function(swarm_module_objects out module)
	get_target_property(dir ${module} SOURCE_DIR)
	get_target_property(built ${module} SOURCES)
	set(all)
	foreach(source ${built})
		get_filename_component(source ${source} ABSOLUTE BASE_DIR ${dir})
		list(APPEND all ${source})
	endforeach()
	set(found)
	foreach(source ${ARGN})
		get_filename_component(path ${source} ABSOLUTE)
		if(path IN_LIST all)
			# CMake names an object after the path from the module's
			# folder; of what lies outside only the end is sure.
			file(RELATIVE_PATH path ${dir} ${path})
			set(begin "/${module}[.]dir/([.]/)?")
			if(path MATCHES "^[.][.]/")
				set(begin "/")
				string(REPLACE "../" "" path ${path})
			endif()
			string(REPLACE "." "[.]" path ${path})
			set(source "$<FILTER:$<TARGET_OBJECTS:${module}>,INCLUDE,${begin}${path}[.]o$>")
		endif()
		list(APPEND found ${source})
	endforeach()
	set(${out} ${found} PARENT_SCOPE)
endfunction()

# A test of a module's own sources (a codec, a parser).  With HOST, and in
# swarm's own tree only, it is linked with the whole of swarm and may call
# swarm_*(); elsewhere such a test is left out.  With MODULE, those of the
# sources that belong to that module are taken as it was built.
function(swarm_add_test name)
	cmake_parse_arguments(arg "HOST" "MODULE" "" ${ARGN})
	if(NOT BUILD_TESTING OR (arg_HOST AND NOT TARGET swarm_core))
		return()
	endif()
	find_package(PkgConfig QUIET)
	pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET GLOBAL cmocka)
	if(NOT CMOCKA_FOUND)
		message(STATUS "no cmocka: ${name} is not built")
		return()
	endif()
	set(sources ${arg_UNPARSED_ARGUMENTS})
	if(arg_MODULE)
		swarm_module_objects(sources ${arg_MODULE} ${sources})
	endif()
	add_executable(${name} ${sources})
	target_link_libraries(${name} PRIVATE Swarm::sdk PkgConfig::CMOCKA)
	target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
	target_include_directories(${name} PRIVATE
		${CMAKE_CURRENT_SOURCE_DIR})
	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include)
		target_include_directories(${name} PRIVATE
			${CMAKE_CURRENT_SOURCE_DIR}/include)
	endif()
	if(TARGET swarm_flags)
		target_link_libraries(${name} PRIVATE swarm_flags
			swarm_plugin_headers)
	endif()
	if(arg_HOST)
		target_link_libraries(${name} PRIVATE swarm_core)
		set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
	endif()
	add_test(NAME ${name} COMMAND ${name})
	set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

function(swarm_add_cases name plugin)
	if(NOT BUILD_TESTING)
		return()
	endif()
	swarm_add_module(${name} ${ARGN})
	if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include)
		target_include_directories(${name} PRIVATE
			${CMAKE_CURRENT_SOURCE_DIR}/include)
	endif()
	add_test(NAME ${name} COMMAND Swarm::swarm test
		--plugin $<TARGET_FILE:${plugin}> $<TARGET_FILE:${name}>)
	set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
