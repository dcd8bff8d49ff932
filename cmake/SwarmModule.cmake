# swarm_add_module(NAME SOURCE...): one module, NAME.so, by the rule that holds
# for plugins and scenarios in this tree and in strangers' trees alike.
#
# Hidden visibility, no "lib" prefix, never unloaded; wrong prototypes are
# errors, because the linker cannot find them in a shared object.
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
		-g -fno-omit-frame-pointer)
	target_link_options(${name} PRIVATE -Wl,-z,nodelete
		-Wl,--exclude-libs,ALL)
	if(TARGET swarm_flags)
		target_link_libraries(${name} PRIVATE swarm_flags)
	endif()
endfunction()
