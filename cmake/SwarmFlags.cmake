# Warnings, sanitizers and hardening for everything in this tree.
add_library(swarm_flags INTERFACE)
target_compile_options(swarm_flags INTERFACE
	-Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef
	$<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes
		-Wold-style-definition -Werror=implicit-function-declaration
		-Werror=incompatible-pointer-types>
	-fno-omit-frame-pointer -fno-common)
target_compile_definitions(swarm_flags INTERFACE _GNU_SOURCE)
if(SWARM_WERROR)
	target_compile_options(swarm_flags INTERFACE -Werror)
endif()
if(SWARM_SANITIZE)
	target_compile_options(swarm_flags INTERFACE -fsanitize=${SWARM_SANITIZE}
		-fno-sanitize-recover=all)
	target_link_options(swarm_flags INTERFACE -fsanitize=${SWARM_SANITIZE})
endif()
if(SWARM_FUZZ)
	# Everything reports where it went; the targets bring the driver.
	target_compile_options(swarm_flags INTERFACE -fsanitize=fuzzer-no-link)
	target_link_options(swarm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(SWARM_COVERAGE)
	target_compile_options(swarm_flags INTERFACE --coverage)
	target_link_options(swarm_flags INTERFACE --coverage)
endif()
