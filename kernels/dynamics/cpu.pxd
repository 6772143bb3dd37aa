# Trajectories advance in blocks of lanes: there is no scalar entry point to cimport.
