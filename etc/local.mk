# The example configuration, the systemd units, and the users and folders that they need.
EXTRA_DIST += %D%/belfry.yaml \
	%D%/systemd/belfry-fcgi.service.in \
	%D%/systemd/belfry-historyd.service.in \
	%D%/systemd/belfry-pushd.service.in \
	%D%/systemd/belfry-watchd.service.in

systemd_units = \
	%D%/systemd/belfry-fcgi.service \
	%D%/systemd/belfry-historyd.service \
	%D%/systemd/belfry-pushd.service \
	%D%/systemd/belfry-watchd.service

systemdunitdir = $(prefix)/lib/systemd/system
dist_systemdunit_DATA = %D%/systemd/belfry.target
# For who wants it: nothing is given more rights by an installation.
dist_pkgdata_DATA = %D%/systemd/belfry-watchd-recoveries.conf
nodist_systemdunit_DATA = $(systemd_units)
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = %D%/sysusers.d/belfry.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = %D%/tmpfiles.d/belfry.conf
CLEANFILES += $(systemd_units)

$(systemd_units): %D%/systemd/%.service: %D%/systemd/%.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/$@.in > $@.new && mv $@.new $@

# The configuration is the administrator's: it is put there once and never overwritten, and taken away only as it came.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/belfry'
	test -e '$(DESTDIR)$(sysconfdir)/belfry/belfry.yaml' || \
	  $(INSTALL_DATA) $(srcdir)/%D%/belfry.yaml '$(DESTDIR)$(sysconfdir)/belfry/belfry.yaml'
uninstall-local:
	! cmp -s $(srcdir)/%D%/belfry.yaml '$(DESTDIR)$(sysconfdir)/belfry/belfry.yaml' || \
	  rm -f '$(DESTDIR)$(sysconfdir)/belfry/belfry.yaml'
