# Debian packages by `cpack -G DEB` (./dev package): swarm, with what runs a
# scenario of one's own; swarm-plugins, the protocols and the scenarios that
# come along; swarm-dev, what it takes to build more.  Folders say what they
# install for by CMAKE_INSTALL_DEFAULT_COMPONENT_NAME.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME swarm)
set(CPACK_PACKAGE_VENDOR swarm)
set(CPACK_PACKAGE_CONTACT "swarm maintainers <swarm@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime plugins dev)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME swarm)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS swarm-plugins)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS swarm-dev)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME swarm-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME swarm-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION devel)

# A module fits one ABI level, and before 1.0 levels change at any time.
set(same "swarm (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS "${same}")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${same}, gcc, libc6-dev, pkg-config")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cmake, swarm-plugins")

set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"The program: simulated users as fibers, closed and open load models, a web
page, results as CSV, JSON and HTML, and runs over many machines that Locust's
masters and workers can join.  Protocols are plugins.")
set(CPACK_COMPONENT_PLUGINS_DESCRIPTION
"The plugins: HTTP, gRPC, WebSocket, MQTT, PostgreSQL and Lua, commands for
quick looks (swarm http, grpc, ws, mqtt, pgbench), outputs to metric stores,
and scenarios.")
set(CPACK_COMPONENT_DEV_DESCRIPTION
"What it takes to write scenarios and protocol plugins in C: headers,
pkg-config and CMake files, templates, manual pages, examples.")
foreach(component ${CPACK_COMPONENTS_ALL})
	string(TOUPPER ${component} name)
	install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright
		COMPONENT ${component} DESTINATION
		${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${name}_PACKAGE_NAME})
endforeach()
include(CPack)
